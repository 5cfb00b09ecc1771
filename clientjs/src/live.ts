import type { Clock, MessageBus, SubscribeOptions, Unsubscribe } from "tidings";
import { listOf, type Channels } from "./util/channels.js";
import { systemClock } from "./util/clock.js";
import { safely } from "./util/listeners.js";
import { watchReturn } from "./util/page.js";

/** Options of {@link liveQuery}. All but `channel`, `filter` and `scope` are read anew whenever they are needed. */
export interface LiveQueryOptions<T> extends Pick<SubscribeOptions, "filter" | "scope"> {
  /**
   * Asks the backend. Called at most once at a time; `signal` is aborted after `timeout`, and when nobody listens any
   * more. What it throws becomes `error`, and it is called again.
   */
  readonly fetch: (context: { readonly signal: AbortSignal }) => T | Promise<T>;
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

/** The longest spread that is heeded, in ms; the server takes none that is longer. */
const MAX_SPREAD = 300_000;

/** A query that somebody listens to. */
interface Run {
  /** Sets the timer for the next fetch, or begins it. */
  schedule(): void;
  refetch(): Promise<void>;
  stop(): void;
}

/**
 * Fetches once, and again: for each message of the channels and each gap; when the page is looked at again or the
 * network is back; and at an interval, long while hints are sure to arrive and short while they are not. A burst of
 * hints costs two fetches; each hint is followed by a fetch that began after it; no older answer overwrites a newer
 * one. A failed fetch is repeated after 1 s, 2 s, 4 s … up to `interval`, half of it random. A message with a `spread`
 * is followed after a random part of that. Nothing happens before somebody listens, so this may run while rendering and
 * on a server.
 */
export function liveQuery<T>(bus: Pick<MessageBus, "subscribe" | "status" | "onStatus">, options: LiveQueryOptions<T>): LiveQuery<T> {
  const channels = listOf(options.channel);
  const { clock = systemClock, random = Math.random } = options;
  const listeners = new Set<() => void>();
  let state: LiveQueryState<T> = { data: undefined, error: null, fetching: false, live: false, updatedAt: null };
  let run: Run | undefined;

  const timing = () => {
    const { interval = 60_000, fallbackInterval = 5_000, throttle = 1_000, timeout = 30_000 } = options;
    return { interval, fallbackInterval, throttle, timeout };
  };

  function set(part: Partial<LiveQueryState<T>>): void {
    state = { ...state, ...part };
    for (const listener of [...listeners]) safely(listener);
  }

  function start(): Run {
    const subscribed = new Set<string>();
    let ready = false;
    let current: AbortController | undefined; // the fetch under way
    let wanted = 0; // when to fetch because of what was heard; Infinity: nothing was since the last fetch began
    let notBefore = 0;
    let began = 0;
    let polledFrom = 0; // the interval counts from here
    let failures = 0;
    let timer: unknown; // of the next fetch, or of the time that the one under way has
    let waiting: (() => void)[] = []; // for a fetch that has not begun
    let served: (() => void)[] = []; // by the fetch under way

    function schedule(): void {
      if (!ready || current || !listeners.size) return;
      clock.clear(timer);
      const { interval, fallbackInterval } = timing();
      const due = Math.max(Math.min(wanted, polledFrom + (state.live ? interval : fallbackInterval)), notBefore);
      // Never longer than the longest interval, also if the machine's clock was set back.
      const delay = Math.min(due - clock.now(), Math.max(interval, fallbackInterval));
      if (delay <= 0) begin();
      else timer = clock.set(begin, delay);
    }

    function begin(): void {
      const attempt = (current = new AbortController());
      const { throttle, timeout } = timing();
      began = polledFrom = clock.now();
      notBefore = began + throttle;
      wanted = Infinity;
      served = waiting;
      waiting = [];
      timer = clock.set(() => failed(attempt, new Error(`no answer within ${timeout} ms`)), timeout);
      set({ fetching: true });
      (async () => options.fetch({ signal: attempt.signal }))().then(
        (data) => succeeded(attempt, data),
        (error) => failed(attempt, error),
      );
    }

    function succeeded(attempt: AbortController, data: T): void {
      if (current !== attempt) return; // too late, or stopped
      failures = 0;
      over({ data, error: null, updatedAt: began });
    }

    function failed(attempt: AbortController, error: unknown): void {
      if (current !== attempt) return;
      wanted = clock.now();
      notBefore = wanted + Math.min(1_000 * 2 ** failures++, timing().interval) * (0.5 + 0.5 * random());
      attempt.abort(error);
      over({ error });
    }

    function over(part: Partial<LiveQueryState<T>>): void {
      clock.clear(timer);
      current = undefined;
      set({ ...part, fetching: false });
      for (const resolve of served.splice(0)) resolve();
      schedule();
    }

    /** Something may have changed: fetch, within `spread` ms. */
    function hint(spread = 0): void {
      wanted = Math.min(wanted, clock.now() + (spread && random() * Math.min(spread, MAX_SPREAD)));
      schedule();
    }

    /** Somebody looks: fetch at once. */
    function ask(): void {
      notBefore = 0;
      hint();
    }

    function judge(): void {
      const live = bus.status.state === "connected" && channels.every((name) => subscribed.has(name));
      if (live === state.live) return;
      const { fallbackInterval, throttle } = timing();
      // Those who lost the same server at the same moment do not all ask the backend at that moment.
      polledFrom = live ? began : clock.now() - random() * fallbackInterval;
      // Failures of the time without a network say nothing now.
      if (live) notBefore = Math.min(notBefore, began + throttle);
      set({ live });
      schedule();
    }

    const leave = channels.map((name) =>
      bus.subscribe(name, (_data, _channel, { spread }) => hint(spread), {
        filter: options.filter,
        scope: options.scope,
        onGap: () => hint(),
        onSubscribed() {
          subscribed.add(name);
          judge();
          hint(); // what was fetched before may be older than the first message that is heard
        },
        onError(error) {
          console.error(`tidings: no hints from ${name}, it is polled: ${error.message} ${error.hint}`, error);
          subscribed.delete(name);
          judge();
        },
      }),
    );
    leave.push(bus.onStatus(judge), watchReturn(ask));
    // If the channels are subscribed already, that is told in this turn: then one fetch is enough.
    queueMicrotask(() => {
      ready = true;
      schedule();
    });
    return {
      schedule,
      refetch: () =>
        new Promise((resolve) => {
          waiting.push(resolve);
          ask();
        }),
      stop() {
        ready = false;
        for (const unsubscribe of leave) unsubscribe();
        clock.clear(timer);
        current?.abort();
        current = undefined;
        for (const resolve of [...served, ...waiting]) resolve();
        state = { ...state, fetching: false, live: false };
      },
    };
  }

  return {
    get state() {
      return state;
    },
    onChange(listener) {
      const own = (): void => listener(); // the same listener twice is two
      listeners.add(own);
      if (run) run.schedule();
      else if (channels.length) run = start();
      return () => {
        if (!listeners.delete(own)) return;
        // React's StrictMode leaves and joins in one turn: wait for its end.
        queueMicrotask(() => {
          if (listeners.size) return;
          run?.stop();
          run = undefined;
        });
      };
    },
    refetch: () => run?.refetch() ?? Promise.resolve(),
  };
}
