import { RECENT_IDS, type GapReason, type MessageFrame, type Position } from "./frames.js";

/** What the application is told where messages may be missing. */
export interface CursorGap {
  reason: GapReason;
  last: Position | undefined;
  from: Position;
}

/**
 * What a cursor says of a message: `deliver` hands it out, `repeated` drops it, `seen` drops it but moves the cursor (its id was
 * handed out before, under another position), `missing` drops it and subscribes again from the cursor.
 */
export type Verdict = "deliver" | "repeated" | "seen" | "missing";

/** A client's place in a channel and its continuity check (SPEC.md section 7). Epoch, offset and tag move together. */
export class Cursor {
  /** Up to here everything was handed out, skipped or told as a gap; undefined before the first `subscribed`. */
  position: Position | undefined;
  /** The last {@link RECENT_IDS} message ids, oldest first; they survive gaps and changes of epoch. */
  private readonly ids = new Set<string>();

  constructor(since?: Position) {
    this.position = since && pick(since);
  }

  /** Judges a message. A live message has no epoch of its own: it is that of the cursor. */
  check(m: MessageFrame): Verdict {
    if (m.volatile) return "deliver";
    const at = this.position;
    if (!at || (m.epoch !== undefined && m.epoch !== at.epoch)) return "missing";
    if (m.offset <= at.offset) return "repeated";
    if ((m.prev ?? m.offset - 1) > at.offset) return "missing";
    return this.remember(m.id) ? "deliver" : "seen";
  }

  /** Puts the cursor on `m`, after its callback returned. */
  moved(m: MessageFrame): void {
    if (!m.volatile && this.position) this.position = { epoch: this.position.epoch, offset: m.offset, tag: m.tag };
  }

  /**
   * Takes the server's answer to a `subscribe`. Gives the gap to tell where the server did not recover what was asked for;
   * `told` says that a `gap` with the same id came before.
   */
  subscribed(at: Position, recovered: boolean, told: boolean): CursorGap | undefined {
    const last = this.position;
    this.position = pick(at);
    if (!last || told || (recovered && same(last, at))) return undefined;
    return { reason: "unrecovered", last, from: this.position };
  }

  /** Goes on from a position that the server named in a gap. */
  gapped(reason: GapReason, from: Position): CursorGap {
    const last = this.position;
    this.position = pick(from);
    return { reason, last, from: this.position };
  }

  /** Moves over messages that a filter did not match. False where `to` is of another epoch: subscribe again. */
  skipped(to: Position): boolean {
    if (to.epoch !== this.position?.epoch) return false;
    if (to.offset > this.position.offset) this.position = pick(to);
    return true;
  }

  private remember(id: string): boolean {
    if (this.ids.has(id)) return false;
    this.ids.add(id);
    if (this.ids.size > RECENT_IDS) this.ids.delete(this.ids.values().next().value as string);
    return true;
  }
}

/** The position in something that has one. */
export const pick = ({ epoch, offset, tag }: Position): Position => ({ epoch, offset, tag });

/** Whether two positions are the same place. */
export const same = (a: Position, b: Position): boolean =>
  a.epoch === b.epoch && a.offset === b.offset && a.tag === b.tag;
