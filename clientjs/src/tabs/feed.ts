import type { CursorGap } from "../core/cursor.js";
import { same } from "../core/cursor.js";
import type { MessageFrame, Position } from "../core/frames.js";
import type { Subscription } from "../core/session.js";

/** Messages that a feed keeps for tabs that come, or come back, a little later. */
const RING = 256;

/** A tab's `subscribe` that has no answer yet. */
export interface Waiting {
  readonly tab: string;
  readonly link: number;
  readonly id: number;
  readonly since: Position | undefined;
  /** Time enough has passed for messages on their way to reach `since`. */
  late?: boolean;
  /** What the server said of `since`. */
  gap?: CursorGap;
}

/** One subscription at the server, and the tabs that hear of it. */
export class Feed {
  readonly members = new Set<string>();
  waiting: Waiting[] = [];
  /** The server was asked to begin again at an older position, for one tab's sake. */
  rewound = false;
  /** What tabs asked to hear of who comes and goes. */
  users: unknown;
  /** The position before the first kept message. */
  private start: Position | undefined;
  private ring: MessageFrame[] = [];

  /** How frames name it; undefined until the server named it. */
  room: string | undefined;

  constructor(public sub: Subscription) {
    if (!sub.filter && !sub.scope) this.room = "";
  }

  /** Up to here the tabs were told. */
  get end(): Position | undefined {
    const last = this.ring[this.ring.length - 1];
    return last && this.start ? { epoch: this.start.epoch, offset: last.offset, tag: last.tag } : this.start;
  }

  /** The subscription stands at `at`. */
  stands(at: Position): void {
    if (this.end && same(this.end, at)) return;
    this.start = at;
    this.ring = [];
  }

  /** Keeps a message, and returns it as the tabs should have it: following the last one that they had. */
  keep(frame: MessageFrame): MessageFrame {
    const last = this.end;
    if (frame.volatile || !last) return frame;
    // What lies between was seen to be nothing, by a cursor that all tabs share.
    const told = last.offset < (frame.prev ?? frame.offset - 1) ? { ...frame, prev: last.offset } : frame;
    if (frame.exclude) told.epoch = last.epoch; // of the position that the excluded tab makes of it
    this.ring.push(told);
    if (this.ring.length > RING) {
      const { offset, tag } = this.ring.shift() as MessageFrame;
      this.start = { epoch: last.epoch, offset, tag };
    }
    return told;
  }

  /** The messages after `since`, if they are all at hand. */
  after(since: Position): MessageFrame[] | undefined {
    if (!this.start) return undefined;
    if (same(since, this.start)) return [...this.ring];
    const { epoch } = this.start;
    const i = this.ring.findIndex(({ offset, tag }) => same(since, { epoch, offset, tag }));
    return i < 0 ? undefined : this.ring.slice(i + 1);
  }

  /** Messages on their way may yet reach `since`. */
  ahead(since: Position): boolean {
    return !!this.end && since.epoch === this.end.epoch && since.offset > this.end.offset;
  }
}
