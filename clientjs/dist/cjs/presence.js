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

// clientjs/src/presence.ts
var presence_exports = {};
__export(presence_exports, {
  getPresence: () => getPresence,
  watchPresence: () => watchPresence
});
module.exports = __toCommonJS(presence_exports);

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
function createListeners() {
  const all = /* @__PURE__ */ new Set();
  return {
    add(listener) {
      const own = (...args) => listener(...args);
      all.add(own);
      return () => void all.delete(own);
    },
    tell(...args) {
      for (const listener of [...all]) if (all.has(listener)) safely(() => listener(...args));
    }
  };
}

// clientjs/src/presence.ts
var NOBODY = { members: [], count: 0, known: false, error: null };
var nameOf = ({ user, connection }) => user === void 0 ? `c${connection}` : `u${user}`;
var sorted = (list) => {
  const names = [...list].map((member) => ({ name: nameOf(member), member }));
  return names.sort((a, b) => a.name < b.name ? -1 : 1).map(({ member }) => member);
};
async function getPresence(bus, channel) {
  const { members = [], count } = await bus.request({ type: "presence", channel });
  return { members: sorted(members), count, known: true, error: null };
}
var shared = /* @__PURE__ */ new WeakMap();
function watchPresence(bus, channel, clock = systemClock) {
  const all = shared.get(bus) ?? /* @__PURE__ */ new Map();
  shared.set(bus, all);
  let live = all.get(channel);
  if (!live) all.set(channel, live = create(bus, channel, clock, () => all.delete(channel)));
  return live;
}
function create(bus, channel, clock, forget) {
  const listeners = createListeners();
  let state = NOBODY;
  let there;
  let n = 0;
  let stop;
  function set(part) {
    state = { ...state, ...part };
    listeners.tell();
  }
  function take(frame) {
    if (!(frame.type === "presence" || frame.type === "joined" || frame.type === "left") || frame.channel !== channel) return;
    if (frame.room) return;
    const { type, members, count } = frame;
    if (type === "presence") there = members && /* @__PURE__ */ new Map();
    else if (!state.known) return;
    for (const member of members ?? []) {
      if (type === "left") there?.delete(nameOf(member));
      else there?.set(nameOf(member), member);
    }
    set({ members: sorted(there?.values() ?? []), count, known: true, error: null });
  }
  function start() {
    let over = false;
    let timer;
    function ask() {
      clock.clear(timer);
      bus.request({ type: "presence", channel, users: "all" }).catch((error) => {
        if (over) return;
        if (error.retry) timer = clock.set(ask, 2e3);
        else if (error.code !== "not_subscribed") set({ ...NOBODY, error });
      });
    }
    const deaf = bus.onFrame(take);
    const leave = bus.subscribe(channel, () => {
    }, { onGap: () => {
    }, onSubscribed: ask, onError: (error) => set({ ...NOBODY, error }) });
    return () => {
      over = true;
      clock.clear(timer);
      deaf();
      leave();
      if (bus.status.state === "connected" && !bus.status.tab) bus.request({ type: "presence", channel, users: "none" }).catch(() => {
      });
      state = NOBODY;
      there = void 0;
      forget();
    };
  }
  return {
    get state() {
      return state;
    },
    onChange(listener) {
      const leave = listeners.add(listener);
      n++;
      stop ??= start();
      let left = false;
      return () => {
        if (left) return;
        left = true;
        leave();
        n--;
        queueMicrotask(() => {
          if (n || !stop) return;
          stop();
          stop = void 0;
        });
      };
    }
  };
}
