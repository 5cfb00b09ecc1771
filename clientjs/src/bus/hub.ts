import { backoff, type Clock } from "../util/clock.js";
import { same } from "../core/cursor.js";
import { keyOf, type MessageFrame, type Position, type WireError } from "../core/frames.js";
import type { Session, SessionPort, Subscription } from "../core/session.js";
import { TidingsError } from "../core/errors.js";
import { safely } from "../util/listeners.js";
import type { Gap, Message, OnGap, OnMessage, SubscribeOptions, Unsubscribe } from "../types.js";

interface Listener {
  readonly onMessage: OnMessage;
  readonly options: SubscribeOptions;
  /** Where it asked to start on a subscription that others had already; told as a gap if that is not where it is. */
  since: Position | undefined;
}

/** One subscription at the server, and all who listen to it here. */
interface Shared extends Subscription {
  readonly listeners: Set<Listener>;
}

interface HubConfig {
  readonly clock: Clock;
  readonly random: () => number;
  readonly onGap: OnGap | undefined;
  session(): Pick<Session, "subscribe" | "unsubscribe" | "retry">;
}

/** The callbacks of a bus: many of one channel, filter and scope are one subscription. */
export interface Hub {
  /** The part of the connection's port that concerns subscriptions. */
  readonly port: Pick<SessionPort, "message" | "gap" | "subscribed" | "ended" | "retryLater">;
  subscribe(channel: string, onMessage: OnMessage, options: SubscribeOptions): Unsubscribe;
  /** Reports to a caller that its subscription cannot be. */
  refuse(error: WireError, channel: string, options: SubscribeOptions): Unsubscribe;
  /** Forgets every subscription; with an error each `onError` is told why. */
  close(error: WireError | null): void;
}

const warn: OnGap = (gap) => console.warn(`tidings: messages of ${gap.channel} may be missing (${gap.reason}): give onGap`, gap);

/** Makes the callbacks' side of a bus. */
export function createHub({ clock, random, session, onGap = warn }: HubConfig): Hub {
  const entries = new Map<string, Shared>();
  let refusals = 0;
  let timer: unknown;

  /** Calls each listener that is still there, and none that came meanwhile. */
  function each(sub: Subscription, call: (listener: Listener) => void): void {
    const { listeners } = sub as Shared;
    for (const listener of [...listeners]) if (listeners.has(listener)) safely(() => call(listener));
  }

  function tellGap(gap: Gap, listeners: Listener[]): void {
    let others = false;
    for (const { options } of listeners) {
      if (options.onGap) safely(() => options.onGap?.(gap));
      else others = true;
    }
    if (others) safely(() => onGap(gap));
  }

  function tellError(wire: WireError, channel: string, { onError }: SubscribeOptions): void {
    const error = new TidingsError(wire);
    if (onError) onError(error);
    else console.error(`tidings: no subscription to ${channel}: ${error.message} ${error.hint}`, error);
  }

  /** A listener hears that it is live; one that came late with a `since` hears first what it missed. */
  function tellSubscribed(sub: Subscription, listener: Listener): void {
    const at = sub.cursor.position as Position;
    const { since, options } = listener;
    listener.since = undefined;
    if (since && !same(since, at)) tellGap({ channel: sub.channel, reason: "unrecovered", last: since, from: at }, [listener]);
    options.onSubscribed?.(at);
  }

  function leave(sub: Shared, listener: Listener): void {
    if (!sub.listeners.delete(listener) || sub.listeners.size) return;
    // React's StrictMode leaves and joins in one turn: wait for its end.
    queueMicrotask(() => {
      if (sub.listeners.size || entries.get(keyOf(sub)) !== sub) return;
      entries.delete(keyOf(sub));
      session().unsubscribe(sub);
    });
  }

  return {
    port: {
      message(sub, frame: MessageFrame) {
        const { type: _, prev: __, room: ___, ...message } = frame;
        message.epoch ??= sub.cursor.position?.epoch;
        each(sub, ({ onMessage }) => onMessage(message.data, message.channel, message as Message));
      },
      gap(sub, { reason, last = null, from }) {
        tellGap({ channel: sub.channel, reason, last, from }, [...(sub as Shared).listeners]);
      },
      subscribed(sub) {
        refusals = 0;
        each(sub, (listener) => tellSubscribed(sub, listener));
      },
      ended(sub, error) {
        each(sub, (listener) => tellError(error, sub.channel, listener.options));
        if (!sub.ended) entries.delete(keyOf(sub));
      },
      retryLater(holes = 0) {
        clock.clear(timer);
        timer = clock.set(() => session().retry(), backoff(Math.max(++refusals, holes), random));
      },
    },

    subscribe(channel, onMessage, options) {
      const { filter } = options;
      const scope = options.scope === "all" ? undefined : options.scope;
      const key = keyOf({ channel, filter, scope });
      let sub = entries.get(key);
      if (sub?.ended && !sub.listeners.size) {
        session().unsubscribe(sub); // all have left it in this turn
        sub = undefined;
      }
      const listener: Listener = { onMessage, options, since: undefined };
      if (!sub) {
        sub = Object.assign(session().subscribe(channel, options.since, filter && JSON.parse(JSON.stringify(filter)), scope), { listeners: new Set<Listener>() });
        entries.set(key, sub);
      } else {
        listener.since = options.since;
        queueMicrotask(() => {
          const { ended, live } = own;
          if (live || ended) each(own, (l) => l === listener && (ended ? tellError(ended, channel, options) : tellSubscribed(own, l)));
        });
      }
      const own = sub;
      own.listeners.add(listener);
      return () => leave(own, listener);
    },

    refuse(error, channel, options) {
      queueMicrotask(() => safely(() => tellError(error, channel, options)));
      return () => {};
    },

    close(error) {
      clock.clear(timer);
      for (const sub of error ? [...entries.values()] : []) each(sub, ({ options }) => options.onError?.(new TidingsError(error as WireError)));
      entries.clear();
    },
  };
}
