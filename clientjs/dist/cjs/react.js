"use client";/* Tidings, Apache-2.0 */
"use strict";
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// clientjs/src/react.ts
var react_exports = {};
__export(react_exports, {
  MessageBusProvider: () => MessageBusProvider,
  useBus: () => useBus,
  useBusQuery: () => useBusQuery,
  useBusStatus: () => useBusStatus,
  useEffectWithPolling: () => useEffectWithPolling,
  useLiveQuery: () => useLiveQuery,
  useMessageBus: () => useMessageBus,
  usePresence: () => usePresence,
  useReplyChannel: () => useReplyChannel
});
module.exports = __toCommonJS(react_exports);

// clientjs/src/react/bus.ts
var import_react = require("react");
var import_tidings = require("./tidings.js");
var BusContext = (0, import_react.createContext)(null);
var IDLE = { state: "idle", transport: null, error: null };
function MessageBusProvider({ children, bus, ...options }) {
  const { url, token, tabs } = options;
  const own = (0, import_react.useMemo)(() => bus ? null : (0, import_tidings.createMessageBus)(options), [bus, url, token, tabs]);
  (0, import_react.useInsertionEffect)(() => () => own?.close(), [own]);
  return (0, import_react.createElement)(BusContext.Provider, { value: bus ?? own }, children);
}
function useBus() {
  const bus = (0, import_react.useContext)(BusContext);
  return bus ?? (0, import_tidings.sharedMessageBus)();
}
function useBusStatus(bus) {
  const nearest = useBus();
  const { onStatus } = bus ?? nearest;
  return (0, import_react.useSyncExternalStore)(onStatus, () => (bus ?? nearest).status, () => IDLE);
}
var asBus = (context) => typeof context?.subscribe === "function" ? context : void 0;

// clientjs/src/react/messages.ts
var import_react3 = require("react");

// clientjs/src/react/latest.ts
var import_react2 = require("react");
function useLatest(value) {
  const latest = (0, import_react2.useRef)(value);
  (0, import_react2.useInsertionEffect)(() => {
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
  const held = (0, import_react3.useRef)(/* @__PURE__ */ new Map()).current;
  const { onGap, onError, filter, scope } = options;
  const asked = JSON.stringify([filter, scope]);
  (0, import_react3.useEffect)(() => {
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
  (0, import_react3.useEffect)(
    () => () => {
      for (const leave of held.values()) leave();
      held.clear();
    },
    [bus, asked, !onGap, !onError]
  );
}

// clientjs/src/react/live.ts
var import_react4 = require("react");
var import_live = require("./live.js");
function useBusQuery(options) {
  const nearest = useBus();
  const bus = options.bus ?? nearest;
  const channel = listOf(options.channel);
  const latest = useLatest(options);
  const query = (0, import_react4.useMemo)(
    () => (0, import_live.liveQuery)(bus, {
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
  const state = (0, import_react4.useSyncExternalStore)(query.onChange, current, current);
  return (0, import_react4.useMemo)(() => ({ ...state, refetch: query.refetch }), [state, query]);
}
var useLiveQuery = useBusQuery;
function useEffectWithPolling(...args) {
  const older = typeof args[2] !== "function";
  const [channel, interval, callback, deps = []] = older ? args.slice(1) : args;
  const nearest = useBus();
  const bus = older && asBus(args[0]) || nearest;
  const latest = useLatest(callback);
  (0, import_react4.useEffect)(() => {
    let told = null;
    const query = (0, import_live.liveQuery)(bus, {
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
var import_react5 = require("react");
var import_presence = require("./presence.js");
var NOBODY = { members: [], count: 0, known: false, error: null };
var NONE = { state: NOBODY, onChange: () => () => {
} };
function usePresence(channel, options = {}) {
  const nearest = useBus();
  const bus = options.bus ?? nearest;
  const live = (0, import_react5.useMemo)(() => channel === null ? NONE : (0, import_presence.watchPresence)(bus, channel), [bus, channel]);
  return (0, import_react5.useSyncExternalStore)(live.onChange, () => live.state, () => NOBODY);
}

// clientjs/src/react/reply.ts
var import_react6 = require("react");
var import_reply = require("./reply.js");
var IDLE2 = { state: "idle", progress: void 0, result: void 0, error: void 0 };
function useReplyChannel(options = {}) {
  const nearest = useBus();
  const bus = options.bus ?? nearest;
  const latest = useLatest(options);
  const [state, setState] = (0, import_react6.useState)(IDLE2);
  const calls = (0, import_react6.useMemo)(() => {
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
          const reply = await (0, import_reply.replyChannel)(bus, {
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
  (0, import_react6.useEffect)(() => calls.stop, [calls]);
  return { ...state, open: calls.open, close: calls.close };
}
