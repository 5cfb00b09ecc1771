import type { MessageBus, PresenceMember, TidingsError, Unsubscribe } from "tidings";
import { type Clock } from "./util/clock.js";
/** Who is in a channel. A new object for each change. */
export interface Presence {
    /** All of them, in order; none if there are more than 1,000: then `count` alone says how many. */
    readonly members: readonly PresenceMember[];
    readonly count: number;
    /** The server has reported it. The last report stays while the bus is not connected. */
    readonly known: boolean;
    /** Why the server does not show it; null if it does. */
    readonly error: TidingsError | null;
}
/** Who is in a channel, kept up to date while somebody listens. */
export interface LivePresence {
    readonly state: Presence;
    /** Calls `listener` at each change of state. The first listener begins, the last one to leave ends it. */
    onChange(this: void, listener: () => void): Unsubscribe;
}
/**
 * Asks once who is in `channel`. Rejects as `MessageBus.request` does: `forbidden` if the server's rules do not show
 * it.
 */
export declare function getPresence(bus: Pick<MessageBus, "request">, channel: string): Promise<Presence>;
type Bus = Pick<MessageBus, "subscribe" | "request" | "onFrame" | "status">;
/**
 * Who is in `channel`, as long as somebody listens: this client too, since a client that watches a channel is
 * subscribed to it. All watchers of one channel of a bus share it. Nothing happens before somebody listens, so this may
 * run while rendering and on a server.
 */
export declare function watchPresence(bus: Bus, channel: string, clock?: Clock): LivePresence;
export {};
