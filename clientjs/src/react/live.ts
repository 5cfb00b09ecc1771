import { useEffect, useMemo, useSyncExternalStore, type DependencyList } from "react";
import type { MessageBus } from "tidings";
import { liveQuery, type LiveQuery, type LiveQueryOptions, type LiveQueryState } from "tidings/live";
import { listOf, type Channels } from "../util/channels.js";
import { asBus, useBus } from "./bus.js";
import { useLatest } from "./latest.js";

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
export function useBusQuery<T>(options: UseBusQueryOptions<T>): BusQueryResult<T> {
  const nearest = useBus();
  const bus = options.bus ?? nearest;
  const channel = listOf(options.channel);
  const latest = useLatest(options);
  const query = useMemo(
    () =>
      liveQuery<T>(bus, {
        ...options, // clock and random
        channel,
        fetch: (context) => latest.current.fetch(context),
        get interval() {
          return latest.current.interval;
        },
        get fallbackInterval() {
          return latest.current.fallbackInterval;
        },
        get throttle() {
          return latest.current.throttle;
        },
        get timeout() {
          return latest.current.timeout;
        },
      }),
    [bus, channel.join(" "), options.key, JSON.stringify([options.filter, options.scope])],
  );
  const current = (): LiveQueryState<T> => query.state;
  const state = useSyncExternalStore(query.onChange, current, current);
  return useMemo(() => ({ ...state, refetch: query.refetch }), [state, query]);
}

/** @deprecated The older name of {@link useBusQuery}, which other libraries have, too. */
export const useLiveQuery = useBusQuery;
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
export function useEffectWithPolling(
  channel: Channels,
  intervalMs: number,
  callback: PolledCallback,
  deps?: DependencyList,
): void;
/**
 * The older form.
 * @param context - a bus, or anything else: then the bus is that of {@link useBus}
 */
export function useEffectWithPolling(
  context: unknown,
  channel: Channels,
  intervalMs: number,
  callback: PolledCallback,
  deps?: DependencyList,
): void;
export function useEffectWithPolling(...args: unknown[]): void {
  const older = typeof args[2] !== "function";
  const [channel, interval, callback, deps = []] = (older ? args.slice(1) : args) as [Channels, number, PolledCallback, DependencyList?];
  const nearest = useBus();
  const bus = (older && asBus(args[0])) || nearest;
  const latest = useLatest(callback);
  useEffect(() => {
    let told: unknown = null;
    const query = liveQuery<void>(bus, {
      channel,
      interval,
      fallbackInterval: interval,
      fetch: async (context) => void (await latest.current(context)),
    });
    return query.onChange(() => {
      const { error } = query.state;
      if (error !== told && error !== null) console.error(error);
      told = error;
    });
  }, [bus, listOf(channel).join(" "), interval, ...deps]);
}

/** What {@link useEffectWithPolling} runs. */
export type PolledCallback = (context: { readonly signal: AbortSignal }) => unknown;
