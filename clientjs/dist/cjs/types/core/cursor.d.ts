import { type GapReason, type MessageFrame, type Position } from "./frames.js";
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
export declare function createCursor(since?: Position): Cursor;
/** The position in something that has one. */
export declare const pick: ({ epoch, offset, tag }: Position) => Position;
/** Whether two positions are the same place. */
export declare const same: (a: Position, b: Position) => boolean;
