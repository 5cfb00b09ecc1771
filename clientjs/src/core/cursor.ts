import { RECENT_IDS, type GapReason, type MessageFrame, type Position } from "./frames.js";

/** What the application is told if messages may be missing. */
export interface CursorGap {
  reason: GapReason;
  last: Position | undefined;
  from: Position;
}

/**
 * A cursor's verdict on a message: `deliver` hands it out, `repeated` drops it, `seen` drops it but moves the cursor
 * (its id was handed out before, under another position), `missing` drops it and subscribes again from the cursor.
 */
export type Verdict = "deliver" | "repeated" | "seen" | "missing";

/** A client's place in a channel and its continuity check (SPEC.md section 7). Epoch, offset and tag move together. */
export interface Cursor {
  /** Up to here everything was handed out, skipped or told as a gap; undefined before the first `subscribed`. */
  readonly position: Position | undefined;
  /** Judges a message. A live message has no epoch of its own: it is that of the cursor. */
  check(m: MessageFrame): Verdict;
  /** Puts the cursor on `m`, after its callback returned. */
  moved(m: MessageFrame): void;
  /**
   * Takes the server's answer to a `subscribe`. Returns the gap to report if the server did not recover what was asked
   * for; `told` is set if a `gap` with the same id came before.
   */
  subscribed(at: Position, recovered: boolean, told?: boolean): CursorGap | undefined;
  /** Goes on from a position that the server named in a gap. */
  gapped(reason: GapReason, from: Position): CursorGap;
  /** Moves over messages that a filter did not match. Reports false if `to` is of another epoch: subscribe again. */
  skipped(to: Position): boolean;
}

/** Makes a cursor, at `since` if it is given. */
export function createCursor(since?: Position): Cursor {
  let at = since && pick(since);
  /** The last {@link RECENT_IDS} message ids, oldest first; they survive gaps and changes of epoch. */
  const ids = new Set<string>();

  function remember(id: string): boolean {
    if (ids.has(id)) return false;
    ids.add(id);
    if (ids.size > RECENT_IDS) ids.delete(ids.values().next().value as string);
    return true;
  }

  function gapped(reason: GapReason, from: Position): CursorGap {
    const last = at;
    return { reason, last, from: (at = pick(from)) };
  }

  return {
    get position() {
      return at;
    },
    check(m) {
      if (m.volatile) return "deliver";
      if (!at || (m.epoch !== undefined && m.epoch !== at.epoch)) return "missing";
      if (m.offset <= at.offset) return "repeated";
      if ((m.prev ?? m.offset - 1) > at.offset) return "missing";
      return remember(m.id) ? "deliver" : "seen";
    },
    moved(m) {
      if (!m.volatile && at) at = { epoch: at.epoch, offset: m.offset, tag: m.tag };
    },
    subscribed(to, recovered, told) {
      const gap = gapped("unrecovered", to);
      return !gap.last || told || (recovered && same(gap.last, to)) ? undefined : gap;
    },
    gapped,
    skipped(to) {
      if (to.epoch !== at?.epoch) return false;
      if (to.offset > at.offset) at = pick(to);
      return true;
    },
  };
}

/** The position in something that has one. */
export const pick = ({ epoch, offset, tag }: Position): Position => ({ epoch, offset, tag });

/** Whether two positions are the same place. */
export const same = (a: Position, b: Position): boolean =>
  a.epoch === b.epoch && a.offset === b.offset && a.tag === b.tag;
