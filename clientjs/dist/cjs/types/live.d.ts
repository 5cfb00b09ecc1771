import type { Clock, MessageBus, SubscribeOptions, Unsubscribe } from "tidings";
import { type Channels } from "./util/channels.js";
/** Options of {@link liveQuery}. All but `channel`, `filter` and `scope` are read anew whenever they are needed. */
export interface LiveQueryOptions<T> extends Pick<SubscribeOptions, "filter" | "scope"> {
    /**
     * Asks the backend. Called at most once at a time; `signal` is aborted after `timeout`, and when nobody listens any
     * more. What it throws becomes `error`, and it is called again.
     */
    readonly fetch: (context: {
        readonly signal: AbortSignal;
    }) => T | Promise<T>;
    /** Where hints are published, or several; `null` for not yet: then nothing is fetched. */
    readonly channel: Channels;
    /** From one fetch to the next while hints are sure to arrive, in ms: the safety net. Default 60,000. */
    readonly interval?: number | undefined;
    /** And while they are not: no connection, or no subscription. Default 5,000. */
    readonly fallbackInterval?: number | undefined;
    /**
     * At the least from one fetch to the next, whatever is hinted, in ms. Default 1,000. A hint after a rest is followed
     * at once.
     */
    readonly throttle?: number | undefined;
    /** A fetch without an answer has failed after so long, in ms. Default 30,000. */
    readonly timeout?: number | undefined;
    /** Default: the machine's. For tests. */
    readonly clock?: Clock | undefined;
    /** From 0 to below 1. Default `Math.random`. For tests. */
    readonly random?: (() => number) | undefined;
}
/** What a {@link LiveQuery} has. A new object for each change. */
export interface LiveQueryState<T> {
    /** The last good answer; undefined before the first. It stays while a later fetch fails. */
    readonly data: T | undefined;
    /** What the last fetch failed with; null after a good one. */
    readonly error: unknown;
    /** A fetch is under way. */
    readonly fetching: boolean;
    /** Hints are sure to arrive: the bus is connected, and every channel subscribed. */
    readonly live: boolean;
    /** When the fetch of `data` began, in Unix ms: it is at least as fresh as that. Null before the first. */
    readonly updatedAt: number | null;
}
/** An answer that is kept fresh, while somebody listens. */
export interface LiveQuery<T> {
    readonly state: LiveQueryState<T>;
    /** Calls `listener` at each change of state. The first listener starts the query, the last one to leave stops it. */
    onChange(listener: () => void): Unsubscribe;
    /**
     * Fetches now, whatever `throttle` and failures say; resolves when a fetch that began after the call is over, or
     * nobody listens.
     */
    refetch(): Promise<void>;
}
/**
 * Fetches once, and again: for each message of the channels and each gap; when the page is looked at again or the
 * network is back; and at an interval, long while hints are sure to arrive and short while they are not. A burst of
 * hints costs two fetches; each hint is followed by a fetch that began after it; no older answer overwrites a newer
 * one. A failed fetch is repeated after 1 s, 2 s, 4 s … up to `interval`, half of it random. A message with a `spread`
 * is followed after a random part of that. Nothing happens before somebody listens, so this may run while rendering and
 * on a server.
 */
export declare function liveQuery<T>(bus: Pick<MessageBus, "subscribe" | "status" | "onStatus">, options: LiveQueryOptions<T>): LiveQuery<T>;
