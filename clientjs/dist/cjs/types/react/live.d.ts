import { type DependencyList } from "react";
import type { MessageBus } from "tidings";
import { type LiveQuery, type LiveQueryOptions, type LiveQueryState } from "tidings/live";
import { type Channels } from "../util/channels.js";
/** Options of {@link useBusQuery}. */
export interface UseBusQueryOptions<T> extends LiveQueryOptions<T> {
    /**
     * What the answer is about, if the channel does not say it: another key is another query, which begins without data.
     */
    readonly key?: string | number | undefined;
    /** Default: that of {@link useBus}. */
    readonly bus?: MessageBus | undefined;
}
/** What {@link useBusQuery} returns. */
export type BusQueryResult<T> = LiveQueryState<T> & Pick<LiveQuery<T>, "refetch">;
/**
 * What `fetch` returns, kept fresh while the component is mounted: fetched once, and again for each message of
 * `channel`, for each gap, on return to the tab, and at an interval, which is long while the bus is healthy. See {@link
 * liveQuery} for what is promised. The `fetch` of the newest render is the one that is called; what it depends on
 * belongs into `channel` or `key`. Another channel, filter, key or bus begins anew, without data. Each hook fetches for itself:
 * share its result, or use a cache library.
 */
export declare function useBusQuery<T>(options: UseBusQueryOptions<T>): BusQueryResult<T>;
/** @deprecated The older name of {@link useBusQuery}, which other libraries have, too. */
export declare const useLiveQuery: typeof useBusQuery;
/** @deprecated See {@link UseBusQueryOptions}. */
export type UseLiveQueryOptions<T> = UseBusQueryOptions<T>;
/** @deprecated See {@link BusQueryResult}. */
export type LiveQueryResult<T> = BusQueryResult<T>;
/**
 * Runs `callback` when `deps` change, every `intervalMs`, for each message and gap of `channel`, and on return to the
 * tab: one run at a time, and each message is followed by a run that began after it. The callback of the newest render
 * is the one that runs. What it rejects with is reported, and it is run again as {@link liveQuery} does.
 * @param channel - `null` for not yet: then nothing runs
 * @param callback - its `signal` is aborted when `deps` change or the component is gone
 */
export declare function useEffectWithPolling(channel: Channels, intervalMs: number, callback: PolledCallback, deps?: DependencyList): void;
/**
 * The older form.
 * @param context - a bus, or anything else: then the bus is that of {@link useBus}
 */
export declare function useEffectWithPolling(context: unknown, channel: Channels, intervalMs: number, callback: PolledCallback, deps?: DependencyList): void;
/** What {@link useEffectWithPolling} runs. */
export type PolledCallback = (context: {
    readonly signal: AbortSignal;
}) => unknown;
