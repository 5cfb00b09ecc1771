/* Tidings, Apache-2.0 */
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

// clientjs/src/live.ts
var live_exports = {};
__export(live_exports, {
  liveQuery: () => liveQuery
});
module.exports = __toCommonJS(live_exports);

// clientjs/src/util/channels.ts
var listOf = (channels) => [
  ...new Set([channels].flat().filter((name) => name != null))
];

// clientjs/src/util/clock.ts
var MAX_TIMER = 2 ** 31 - 1;
var systemClock = {
  now: () => Date.now(),
  set(callback, ms) {
    const timer = {};
    const arm = (left) => {
      timer.id = setTimeout(left > MAX_TIMER ? () => arm(left - MAX_TIMER) : callback, Math.min(left, MAX_TIMER));
    };
    arm(ms);
    return timer;
  },
  clear: (timer) => clearTimeout(timer?.id)
};

// clientjs/src/util/listeners.ts
var report = (error) => (globalThis.reportError ?? console.error)(error);
var safely = (callback) => {
  try {
    callback();
  } catch (error) {
    report(error);
  }
};

// clientjs/src/util/page.ts
function watchReturn(back) {
  const page = globalThis;
  if (!page.addEventListener || !page.document) return () => {
  };
  const stop = new AbortController();
  const { signal } = stop;
  page.addEventListener("online", back, { signal });
  page.addEventListener("pageshow", ({ persisted }) => persisted && back(), { signal });
  page.document.addEventListener("visibilitychange", () => page.document?.visibilityState === "visible" && back(), { signal });
  return () => stop.abort();
}

// clientjs/src/live.ts
var MAX_SPREAD = 3e5;
function liveQuery(bus, options) {
  const channels = listOf(options.channel);
  const { clock = systemClock, random = Math.random } = options;
  const listeners = /* @__PURE__ */ new Set();
  let state = { data: void 0, error: null, fetching: false, live: false, updatedAt: null };
  let run;
  const timing = () => {
    const { interval = 6e4, fallbackInterval = 5e3, throttle = 1e3, timeout = 3e4 } = options;
    return { interval, fallbackInterval, throttle, timeout };
  };
  function set(part) {
    state = { ...state, ...part };
    for (const listener of [...listeners]) safely(listener);
  }
  function start() {
    const subscribed = /* @__PURE__ */ new Set();
    let ready = false;
    let current;
    let wanted = 0;
    let notBefore = 0;
    let began = 0;
    let polledFrom = 0;
    let failures = 0;
    let timer;
    let waiting = [];
    let served = [];
    function schedule() {
      if (!ready || current || !listeners.size) return;
      clock.clear(timer);
      const { interval, fallbackInterval } = timing();
      const due = Math.max(Math.min(wanted, polledFrom + (state.live ? interval : fallbackInterval)), notBefore);
      const delay = Math.min(due - clock.now(), Math.max(interval, fallbackInterval));
      if (delay <= 0) begin();
      else timer = clock.set(begin, delay);
    }
    function begin() {
      const attempt = current = new AbortController();
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
        (error) => failed(attempt, error)
      );
    }
    function succeeded(attempt, data) {
      if (current !== attempt) return;
      failures = 0;
      over({ data, error: null, updatedAt: began });
    }
    function failed(attempt, error) {
      if (current !== attempt) return;
      wanted = clock.now();
      notBefore = wanted + Math.min(1e3 * 2 ** failures++, timing().interval) * (0.5 + 0.5 * random());
      attempt.abort(error);
      over({ error });
    }
    function over(part) {
      clock.clear(timer);
      current = void 0;
      set({ ...part, fetching: false });
      for (const resolve of served.splice(0)) resolve();
      schedule();
    }
    function hint(spread = 0) {
      wanted = Math.min(wanted, clock.now() + (spread && random() * Math.min(spread, MAX_SPREAD)));
      schedule();
    }
    function ask() {
      notBefore = 0;
      hint();
    }
    function judge() {
      const live = bus.status.state === "connected" && channels.every((name) => subscribed.has(name));
      if (live === state.live) return;
      const { fallbackInterval, throttle } = timing();
      polledFrom = live ? began : clock.now() - random() * fallbackInterval;
      if (live) notBefore = Math.min(notBefore, began + throttle);
      set({ live });
      schedule();
    }
    const leave = channels.map(
      (name) => bus.subscribe(name, (_data, _channel, { spread }) => hint(spread), {
        filter: options.filter,
        scope: options.scope,
        onGap: () => hint(),
        onSubscribed() {
          subscribed.add(name);
          judge();
          hint();
        },
        onError(error) {
          console.error(`tidings: no hints from ${name}, it is polled: ${error.message} ${error.hint}`, error);
          subscribed.delete(name);
          judge();
        }
      })
    );
    leave.push(bus.onStatus(judge), watchReturn(ask));
    queueMicrotask(() => {
      ready = true;
      schedule();
    });
    return {
      schedule,
      refetch: () => new Promise((resolve) => {
        waiting.push(resolve);
        ask();
      }),
      stop() {
        ready = false;
        for (const unsubscribe of leave) unsubscribe();
        clock.clear(timer);
        current?.abort();
        current = void 0;
        for (const resolve of [...served, ...waiting]) resolve();
        state = { ...state, fetching: false, live: false };
      }
    };
  }
  return {
    get state() {
      return state;
    },
    onChange(listener) {
      const own = () => listener();
      listeners.add(own);
      if (run) run.schedule();
      else if (channels.length) run = start();
      return () => {
        if (!listeners.delete(own)) return;
        queueMicrotask(() => {
          if (listeners.size) return;
          run?.stop();
          run = void 0;
        });
      };
    },
    refetch: () => run?.refetch() ?? Promise.resolve()
  };
}
