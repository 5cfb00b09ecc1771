"use client";/* Tidings, Apache-2.0 */

// clientjs/src/react/bus.ts
import { createContext, createElement, useContext, useInsertionEffect, useMemo, useSyncExternalStore } from "react";
import { createMessageBus, sharedMessageBus } from "./tidings.js";
var BusContext = createContext(null);
var IDLE = { state: "idle", transport: null, error: null };
function MessageBusProvider({ children, bus, ...options }) {
  const { url, token, tabs } = options;
  const own = useMemo(() => bus ? null : createMessageBus(options), [bus, url, token, tabs]);
  useInsertionEffect(() => () => own?.close(), [own]);
  return createElement(BusContext.Provider, { value: bus ?? own }, children);
}
function useBus() {
  const bus = useContext(BusContext);
  return bus ?? sharedMessageBus();
}
function useBusStatus(bus) {
  const nearest = useBus();
  const { onStatus } = bus ?? nearest;
  return useSyncExternalStore(onStatus, () => (bus ?? nearest).status, () => IDLE);
}
var asBus = (context) => typeof context?.subscribe === "function" ? context : void 0;

// clientjs/src/react/messages.ts
import { useEffect, useRef as useRef2 } from "react";

// clientjs/src/react/latest.ts
import { useInsertionEffect as useInsertionEffect2, useRef } from "react";
function useLatest(value) {
  const latest = useRef(value);
  useInsertionEffect2(() => {
    latest.current = value;
  });
  return latest;
}

// clientjs/src/util/channels.ts
var listOf = (channels) => [
  ...new Set([channels].flat().filter((name) => name != null))
];

// clientjs/src/react/messages.ts
function useMessageBus(...args) {
  const older = typeof args[1] !== "function";
  const [channel, onMessage, options = {}] = older ? args.slice(1) : args;
  const nearest = useBus();
  const bus = options.bus ?? (older && asBus(args[0]) || nearest);
  const latest = useLatest({ onMessage, ...options });
  const channels = listOf(channel);
  const held = useRef2(/* @__PURE__ */ new Map()).current;
  const { onGap, onError, filter, scope } = options;
  const asked = JSON.stringify([filter, scope]);
  useEffect(() => {
    for (const [name, leave] of held) {
      if (channels.includes(name)) continue;
      held.delete(name);
      leave();
    }
    for (const name of channels) {
      if (held.has(name)) continue;
      const unsubscribe = bus.subscribe(name, (...message) => latest.current.onMessage(...message), {
        filter,
        scope,
        onSubscribed: (position) => latest.current.onSubscribed?.(position, name),
        // Without a handler the bus's default counts, so these cannot always be given.
        ...onGap && { onGap: (gap) => latest.current.onGap?.(gap) },
        ...onError && { onError: (error) => latest.current.onError?.(error, name) }
      });
      held.set(name, unsubscribe);
    }
  }, [bus, channels.join(" "), asked, !onGap, !onError]);
  useEffect(
    () => () => {
      for (const leave of held.values()) leave();
      held.clear();
    },
    [bus, asked, !onGap, !onError]
  );
}

// clientjs/src/react/live.ts
import { useEffect as useEffect2, useMemo as useMemo2, useSyncExternalStore as useSyncExternalStore2 } from "react";
import { liveQuery } from "./live.js";
function useBusQuery(options) {
  const nearest = useBus();
  const bus = options.bus ?? nearest;
  const channel = listOf(options.channel);
  const latest = useLatest(options);
  const query = useMemo2(
    () => liveQuery(bus, {
      ...options,
      // clock and random
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
      }
    }),
    [bus, channel.join(" "), options.key, JSON.stringify([options.filter, options.scope])]
  );
  const current = () => query.state;
  const state = useSyncExternalStore2(query.onChange, current, current);
  return useMemo2(() => ({ ...state, refetch: query.refetch }), [state, query]);
}
var useLiveQuery = useBusQuery;
function useEffectWithPolling(...args) {
  const older = typeof args[2] !== "function";
  const [channel, interval, callback, deps = []] = older ? args.slice(1) : args;
  const nearest = useBus();
  const bus = older && asBus(args[0]) || nearest;
  const latest = useLatest(callback);
  useEffect2(() => {
    let told = null;
    const query = liveQuery(bus, {
      channel,
      interval,
      fallbackInterval: interval,
      fetch: async (context) => void await latest.current(context)
    });
    return query.onChange(() => {
      const { error } = query.state;
      if (error !== told && error !== null) console.error(error);
      told = error;
    });
  }, [bus, listOf(channel).join(" "), interval, ...deps]);
}

// clientjs/src/react/presence.ts
import { useMemo as useMemo3, useSyncExternalStore as useSyncExternalStore3 } from "react";
import { watchPresence } from "./presence.js";
var NOBODY = { members: [], count: 0, known: false, error: null };
var NONE = { state: NOBODY, onChange: () => () => {
} };
function usePresence(channel, options = {}) {
  const nearest = useBus();
  const bus = options.bus ?? nearest;
  const live = useMemo3(() => channel === null ? NONE : watchPresence(bus, channel), [bus, channel]);
  return useSyncExternalStore3(live.onChange, () => live.state, () => NOBODY);
}

// clientjs/src/react/reply.ts
import { useEffect as useEffect3, useMemo as useMemo4, useState } from "react";
import { replyChannel } from "./reply.js";
var IDLE2 = { state: "idle", progress: void 0, result: void 0, error: void 0 };
function useReplyChannel(options = {}) {
  const nearest = useBus();
  const bus = options.bus ?? nearest;
  const latest = useLatest(options);
  const [state, setState] = useState(IDLE2);
  const calls = useMemo4(() => {
    let attempt = 0;
    let current;
    function stop() {
      attempt++;
      current?.close();
      current = void 0;
    }
    return {
      stop,
      close() {
        stop();
        setState(IDLE2);
      },
      async open() {
        stop();
        const own = attempt;
        const change = (next) => {
          if (own === attempt) setState((before) => ({ ...before, ...next }));
        };
        setState({ ...IDLE2, state: "waiting" });
        const { ttl, timeout } = latest.current;
        try {
          const reply = await replyChannel(bus, {
            ttl,
            timeout,
            onProgress: (progress) => {
              change({ progress });
              latest.current.onProgress?.(progress);
            },
            onDone: (result) => {
              change({ state: "done", result });
              latest.current.onDone?.(result);
            },
            onError: (error) => {
              change({ state: "failed", error });
              latest.current.onError?.(error);
            }
          });
          if (own === attempt) current = reply;
          else reply.close();
          return reply.publishURL;
        } catch (error) {
          change({ state: "failed", error });
          throw error;
        }
      }
    };
  }, [bus]);
  useEffect3(() => calls.stop, [calls]);
  return { ...state, open: calls.open, close: calls.close };
}
export {
  MessageBusProvider,
  useBus,
  useBusQuery,
  useBusStatus,
  useEffectWithPolling,
  useLiveQuery,
  useMessageBus,
  usePresence,
  useReplyChannel
};
//# sourceMappingURL=react.js.map
