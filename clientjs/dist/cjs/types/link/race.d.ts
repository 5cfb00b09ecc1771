import type { Clock } from "../util/clock.js";
import type { ServerFrame, WireError } from "../core/frames.js";
import type { Link, LinkContext, Transport, TransportName } from "../transports/transport.js";
import type { FallbackReason } from "../types.js";
/** A link: a candidate that has to prove itself, or the one that carries the session. */
export interface Attempt {
    readonly name: TransportName;
    link?: Link;
    deadline?: unknown;
    /** A frame came back over it. */
    proven?: boolean;
    /** When the session went over to it, by the clock. */
    connectedAt?: number;
}
/** What a race needs. */
export interface RaceConfig {
    readonly clock: Clock;
    readonly transports: Readonly<Record<TransportName, Transport>>;
    readonly context: LinkContext;
    /** Returns how good a transport is: 0 is the best. */
    rank(name: TransportName): number;
    /** Returns the link that carries the session, 0 if there is none. It takes no part in the race. */
    carrier(): number;
    /** Frames came over a link. */
    frames(id: number, frames: ServerFrame[]): void;
    /** `id` is the best candidate: the session should go over it. */
    chosen(id: number, name: TransportName): void;
    /** A link failed: by the server's word, or by what `fault` names. */
    failed(id: number, error?: WireError, fault?: FallbackReason): void;
    /** A link is no longer one of the race's, and is about to be closed. */
    dropped(id: number, attempt: Attempt): void;
    /** Every candidate has failed. */
    over(): void;
}
/** A page's links, and the race of those that are candidates for the session. */
export interface Race {
    readonly links: ReadonlyMap<number, Attempt>;
    /** The last link that was chosen. */
    opened: number;
    /** Starts a row of candidates, one after the other. */
    begin(names: readonly TransportName[]): void;
    /** Starts the next candidate, of another row if one is given; chooses if there is none. */
    next(names?: readonly TransportName[]): void;
    /** Chooses the best candidate that has proven itself, unless a better one may still do so in time. */
    choose(): void;
    /** The link that was chosen has brought `connected`: ends older links, and candidates that are not better. */
    connected(id: number, attempt: Attempt): void;
    /** Ends a link without an event. */
    drop(id: number): void;
    /** Ends the race and every link but `id`. */
    dropAllBut(id: number): void;
}
/** Makes a race without links. */
export declare function createRace(config: RaceConfig): Race;
