import type { ClientFrame, ServerFrame, WireError } from "../core/frames.js";
import type { Status } from "../types.js";
/** How the leader's connection to the server stands, as followers are told: an error without its class. */
export interface Standing extends Pick<Status, "state" | "transport" | "fallback"> {
    readonly error: WireError | null;
}
/** "Does anybody lead?", asked by a tab that has heard nothing for a while. */
export interface Who {
    readonly post: "who";
    readonly from: string;
    /** The link that the asker believes to have with `leader`. */
    readonly leader: string;
    readonly link: number;
    /** How many {@link Up} it has sent on that link. */
    readonly n: number;
    /** Somebody looks at the asker: the leader should not trust what is open. */
    readonly wake: boolean;
    /** Of several that get no answer the one of the lowest rank takes the place. */
    readonly rank: string;
}
/** A leader's posts are numbered, so that a follower that missed one knows. */
interface FromLeader {
    readonly from: string;
    /** A later leader's is higher. */
    readonly term: number;
    /** Counts up by one per post of this leader. */
    readonly n: number;
}
/** "I lead": at the election, at each change, and in answer to {@link Who}. */
export interface Lead extends FromLeader {
    readonly post: "lead";
    readonly standing: Standing;
    /** The server's session, which the next leader ends. */
    readonly session: string;
}
/** The leader as a follower, or the leader's own session, knows it. */
export interface Leader {
    readonly id: string;
    readonly term: number;
    /** The number of its next post. */
    next: number;
    standing: Standing;
    session: string;
}
/** Frames of the leader to one tab's link, or to all tabs. */
export interface Down extends FromLeader {
    readonly post: "down";
    readonly to?: string;
    readonly link?: number;
    readonly frames: ServerFrame[];
}
/** The leader does not know this link, or ends it: make a new one. */
export interface Lost extends FromLeader {
    readonly post: "lost";
    readonly to: string;
    readonly link: number;
}
/** The leader steps down. */
export interface Bye extends FromLeader {
    readonly post: "bye";
}
/** Frames of a follower's session to the leader. */
export interface Up {
    readonly post: "up";
    readonly from: string;
    readonly to: string;
    readonly link: number;
    /** Counts up by one per post of this link, from 1. */
    readonly n: number;
    readonly frames: readonly ClientFrame[];
}
/** What the tabs of one group say to each other. */
export type Post = Who | Up | Lead | Down | Lost | Bye;
/** What a leader sends, before it is numbered. */
export type Said = Omit<Lead, keyof FromLeader> | Omit<Down, keyof FromLeader> | Omit<Lost, keyof FromLeader> | Omit<Bye, keyof FromLeader>;
/**
 * A message or event as the tab gets it that it excludes. A message only moves the tab's cursor. A volatile message or
 * an event has no position, so it goes on as a frame of an unknown type, which the session counts and ignores.
 */
export declare function leftOut(frame: ServerFrame): ServerFrame;
export {};
