/* Tidings, Apache-2.0 */
"use strict";
var __create = Object.create;
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __getProtoOf = Object.getPrototypeOf;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key2 of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key2) && key2 !== except)
        __defProp(to, key2, { get: () => from[key2], enumerable: !(desc = __getOwnPropDesc(from, key2)) || desc.enumerable });
  }
  return to;
};
var __toESM = (mod, isNodeMode, target) => (target = mod != null ? __create(__getProtoOf(mod)) : {}, __copyProps(
  // If the importer is in node compatibility mode or this is not an ESM
  // file that has been converted to a CommonJS file using a Babel-
  // compatible transform (i.e. "__esModule" has not been set), then set
  // "default" to the CommonJS "module.exports" for node compatibility.
  isNodeMode || !mod || !mod.__esModule ? __defProp(target, "default", { value: mod, enumerable: true }) : target,
  mod
));
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// clientjs/src/index.ts
var index_exports = {};
__export(index_exports, {
  TidingsError: () => TidingsError,
  createMessageBus: () => createMessageBus,
  sharedMessageBus: () => sharedMessageBus
});
module.exports = __toCommonJS(index_exports);

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
var CAP = 2e4;
var BASE = 200;
var jitter = (down, random) => random() * Math.min(CAP, BASE + Math.max(0, down) / 2);
var backoff = (attempt, random) => random() * Math.min(CAP, BASE * 2 ** attempt);
var patience = (tries, random) => Math.min(10, 2 ** tries) * (1 + random()) * 3e4 / 2;
var TOKEN_TIME = 3e4;
function within(promise, ms, clock) {
  return new Promise((resolve, reject) => {
    const timer = clock.set(() => reject(new Error(`no answer in ${ms} ms`)), ms);
    promise.then(resolve, reject).finally(() => clock.clear(timer));
  });
}

// clientjs/src/core/codes.ts
var COME_BACK = [1e3, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015];
var comesBack = (n) => n >= 4e3 && n < 4500 || COME_BACK.includes(n);
var TAKEN_OVER = ["superseded", "wrong_transport"];
var NOT_HERE = ["unsupported", "not_found", "method_not_allowed"];
var SESSION_LOST = ["session_gone", "sequence_gap"];
var TOKEN_OVER = "token_expired";
var TOKEN_BAD = "unauthorized";
var RECONNECT = [...SESSION_LOST, TOKEN_OVER];

// clientjs/src/core/frames.ts
var keyOf = ({ channel, filter, scope }) => JSON.stringify([channel, filter, scope]);
var VERSION = 1;
var MAX_FRAMES = 64;
var MAX_MESSAGE_BYTES = 65536;
var MAX_FRAME_BYTES = MAX_MESSAGE_BYTES - 512;
var RECENT_IDS = 1024;
var ACK_EVERY = 256;
var MAX_PINGS = 3;
var UNCOUNTED = ["connected", "pong", "disconnect"];
var counted = (type) => !UNCOUNTED.includes(type);
var validChannel = (name) => typeof name === "string" && /^(\$reply\/)?(?!(.*\/)?\.{0,2}(\/|$))[\w.~:/@+=,-]{1,200}$/.test(name);
var isOffset = (n) => Number.isSafeInteger(n) && n >= 0;
var isString = (s) => typeof s === "string";
var isPosition = (p) => !!p?.epoch && isString(p.epoch) && isOffset(p.offset) && isString(p.tag);
function validFrame(f) {
  switch (f?.type) {
    case "message":
      return isString(f.id) && "data" in f && (f.volatile || f.offset > (f.prev ?? 0) && isOffset(f.offset));
    case "subscribed":
    case "position":
      return isPosition(f);
    case "gap":
      return isPosition(f.from);
    case "error":
    case "disconnect":
      return typeof f.retry === "boolean";
    default:
      return isString(f?.type);
  }
}

// clientjs/src/core/texts.ts
var texts = (what) => ({
  closed: ["The bus is closed.", "Make a new one."],
  timeout: ["No answer: the outcome is unknown.", "Repeat it with its key."],
  lost: ["The server was not reached.", "It is tried again by itself. Is the network there, and the url right?"],
  too_large: [`Above ${MAX_FRAME_BYTES} bytes.`, "Publish less."],
  bad_channel: [`${what} is no channel name.`, "Give 1 to 200 of A-Za-z0-9_.~:/@+=,-"],
  foreign_answer: [`${what} answers, but not as Tidings.`, "Check the url, the proxies and firewalls on the way, and a dev server's proxy."]
});
function explain(error) {
  const [message, hint] = !error.hint && texts(error.message)[error.code] || [error.message, error.hint];
  return { ...error, message, hint };
}

// clientjs/src/core/errors.ts
var TidingsError = class extends Error {
  constructor(error) {
    const { code, message, hint, retry = false } = explain(error);
    super(message || code);
    this.name = "TidingsError";
    this.code = code;
    this.hint = hint || (retry ? "It is tried again by itself." : `SPEC.md section 8 says what ${code} means.`);
    this.retry = retry;
  }
};

// clientjs/src/link/carrier.ts
var LOST = { code: "lost", retry: true };

// clientjs/src/link/base.ts
function baseOf(url) {
  const whole = /^(http|ws)(s?:\/\/[^/?#])/;
  if (/[?#]/.test(url) || /^[\w.-]+:/.test(url) && !whole.test(url)) throw new TypeError(`no base URL: ${url}`);
  let base = url.replace(whole, "http$2");
  try {
    base = new URL(base, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch {
  }
  return base.replace(/\/+$/, "");
}

// clientjs/src/link/heartbeat.ts
var PONG = 1e4;
var PROBE = 2e3;
var DOUBT = 3e3;
var SHORTEST = 2e3;
var UNUSUAL = 20;
var LOOK = 1e3;
function createHeartbeat({ clock, random, ping, nudge, doubt, dead }) {
  let interval = 0;
  let lastSent = 0;
  let lastHeard = 0;
  let pace = 0;
  let silence = 0;
  let longest = Infinity;
  let timer;
  let deadline;
  let deadlineAt = 0;
  let question;
  let look;
  function calm() {
    clock.clear(deadline);
    clock.clear(question);
    deadline = question = void 0;
  }
  function heard() {
    const now = clock.now();
    pace = Math.min(interval, 0.8 * pace + 0.2 * Math.max(0, now - lastHeard));
    lastHeard = now;
    const asked = deadline !== void 0;
    calm();
    if (asked) arm();
    if (2 * unusual() < interval) look ??= clock.set(listen, LOOK);
  }
  const unusual = () => Math.max(LOOK, UNUSUAL * pace);
  function listen() {
    const left = unusual() - (clock.now() - lastHeard);
    look = left > 1 ? clock.set(listen, Math.min(left, LOOK)) : void 0;
    if (!look && deadline === void 0) probe(PONG);
  }
  function ask() {
    question ??= clock.set(() => {
      question = void 0;
      doubt();
      probe(PONG);
    }, DOUBT);
  }
  function stop() {
    calm();
    clock.clear(timer);
    clock.clear(look);
    look = void 0;
  }
  function probe(ms) {
    const due = clock.now() + ms;
    if (deadline === void 0 || due < deadlineAt) {
      clock.clear(deadline);
      deadlineAt = due;
      deadline = clock.set(dead, ms);
    }
    ask();
    ping();
  }
  const quiet = () => deadline === void 0 ? Math.min(lastSent, lastHeard) : lastSent;
  function arm() {
    clock.clear(timer);
    const now = clock.now();
    const due = Math.min(quiet(), now) + interval * (0.9 + 0.2 * random());
    timer = clock.set(() => {
      const time = clock.now();
      const slept = Math.abs(time - due) > interval;
      if (slept || time - quiet() >= interval * 0.9) probe(slept ? PROBE : PONG);
      nudge();
      arm();
    }, due - now);
  }
  return {
    start(every) {
      stop();
      pace = interval = Math.min(every, longest);
      lastSent = lastHeard = clock.now();
      arm();
    },
    stop,
    cut() {
      if (deadline !== void 0) return;
      const before = silence;
      silence = clock.now() - Math.max(lastSent, lastHeard);
      const again = Math.min(silence, before);
      if (again >= SHORTEST && again > 0.8 * Math.max(silence, before)) longest = Math.min(longest, Math.max(0.6 * again, SHORTEST));
    },
    sent(asks) {
      lastSent = clock.now();
      if (asks) ask();
    },
    heard,
    probe
  };
}

// clientjs/src/link/remembered.ts
var EXPIRY = 6e5;
function createMemory(url, clock, lasting) {
  const key2 = () => `tidings ${url} ${globalThis.navigator?.connection?.type}`;
  const own = {};
  return {
    recall() {
      let known = own[key2()];
      try {
        if (lasting()) known = localStorage.getItem(key2()) ?? known;
      } catch {
      }
      const [at, name] = `${known}`.split(" ");
      const age = clock.now() - Number(at);
      return age >= 0 && age <= EXPIRY ? name : void 0;
    },
    keep(name) {
      own[key2()] = `${clock.now()} ${name}`;
      try {
        if (lasting()) localStorage.setItem(key2(), own[key2()]);
      } catch {
      }
    }
  };
}

// clientjs/src/link/reputation.ts
var SHORT_LIFE = 2;
var MUTE = 3;
var HOLE = 6;
var UNSTABLE = 6;
function createReputation(memory) {
  const faults = /* @__PURE__ */ new Map();
  const troubles = /* @__PURE__ */ new Map();
  return {
    recall: () => memory.recall(),
    fault: (name) => faults.get(name),
    failed: (name, fault) => void faults.set(name, fault),
    works(name) {
      faults.delete(name);
      memory.keep(name);
    },
    good: (name) => void troubles.delete(name),
    trouble(name, weight, next) {
      const sum = (troubles.get(name) ?? 0) + weight;
      troubles.set(name, sum);
      if (sum < UNSTABLE) return false;
      memory.keep(next);
      faults.set(name, "unstable");
      return true;
    },
    clear: () => faults.clear()
  };
}

// clientjs/src/link/race.ts
var PROOF = 3e3;
var MAX_PROOF = 9e3;
var HEAD_START = 300;
var GRACE = 600;
function createRace(config) {
  const { clock, rank, carrier, failed } = config;
  const links = /* @__PURE__ */ new Map();
  let lastLink = 0;
  let row = [];
  let startedAt = 0;
  let proof = PROOF;
  let headStart;
  let grace;
  const deadline = (id) => clock.set(() => failed(id, void 0, "unproven"), proof);
  function next(names = row) {
    clock.clear(headStart);
    const [name, ...rest] = names;
    if (!name) return choose();
    row = rest;
    const id = ++lastLink;
    const attempt = { name, deadline: deadline(id) };
    links.set(id, attempt);
    if (rest.length) headStart = clock.set(() => next(), HEAD_START);
    try {
      attempt.link = config.transports[name](config.context, {
        open() {
          attempt.proven = true;
          choose();
        },
        lost: (error) => failed(id, error),
        frames: (frames) => config.frames(id, frames)
      });
    } catch {
      failed(id);
    }
  }
  function choose() {
    const chosen = links.get(race.opened);
    if (chosen && chosen.connectedAt === void 0) return;
    const candidates = [...links].filter(([id]) => id !== carrier()).sort(([, a], [, b]) => rank(a.name) - rank(b.name));
    const patience2 = Math.min(startedAt + GRACE - clock.now(), GRACE);
    for (const [id, { name, proven }] of candidates) {
      if (proven) return open(id, name);
      if (patience2 > 0 && candidates.some(([, a]) => a.proven)) {
        stop();
        grace = clock.set(() => {
          startedAt = -Infinity;
          choose();
        }, patience2);
        return;
      }
    }
    if (candidates.length || row.length) return;
    if (!carrier()) proof = Math.min(proof * 2, MAX_PROOF);
    config.over();
  }
  function open(id, name) {
    const attempt = links.get(id);
    race.opened = id;
    row = [];
    for (const [other, a] of links) if (other !== carrier() && rank(a.name) > rank(name)) drop(other);
    stop();
    clock.clear(attempt.deadline);
    attempt.deadline = deadline(id);
    config.chosen(id, name);
  }
  function stop() {
    clock.clear(headStart);
    clock.clear(grace);
  }
  function drop(id) {
    const attempt = links.get(id);
    links.delete(id);
    if (!attempt) return;
    clock.clear(attempt.deadline);
    config.dropped(id, attempt);
    attempt.link?.close();
  }
  const race = {
    links,
    opened: 0,
    begin(names) {
      startedAt = clock.now();
      next(names);
    },
    next,
    choose,
    connected(link, attempt) {
      proof = PROOF;
      clock.clear(attempt.deadline);
      attempt.connectedAt = clock.now();
      for (const [id, a] of links) if (id !== link && (a.connectedAt !== void 0 || rank(a.name) >= rank(attempt.name))) drop(id);
    },
    drop,
    dropAllBut(but) {
      stop();
      row = [];
      for (const id of [...links.keys()]) if (id !== but) drop(id);
    }
  };
  return race;
}

// clientjs/src/link/tokens.ts
function createTokens({ token, getToken }, clock, random, renew) {
  let untried = false;
  let want = token === void 0 ? 0 : Infinity;
  let timer;
  return {
    current: () => token,
    due: () => !!getToken && clock.now() >= want,
    async fetch() {
      if (getToken) token = await within((async () => getToken())(), TOKEN_TIME, clock) ?? void 0;
      untried = true;
      want = Infinity;
    },
    taken(ttl = Infinity) {
      untried = false;
      const ms = ttl * (0.8 + random() / 10);
      want = clock.now() + ms;
      clock.clear(timer);
      if (getToken && ms < Infinity) timer = clock.set(renew, ms);
    },
    stop: () => clock.clear(timer),
    refused(code) {
      const stale = !!getToken && (code === TOKEN_OVER || code === TOKEN_BAD && !untried);
      if (stale) want = 0;
      return stale;
    }
  };
}

// clientjs/src/transports/post.ts
function post(context, path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  const token = context.token();
  const { fetch, url, credentials } = context;
  if (token) headers.Authorization = `Bearer ${token}`;
  const rest = signal ? { signal } : { keepalive: true };
  return fetch(url + path, { method: "POST", headers, body, credentials, cache: "no-store", ...rest });
}
var FOREIGN = "foreign_answer";
async function readError(response) {
  const { ok, url, status, headers } = response;
  const text = await response.text();
  try {
    const { error } = JSON.parse(text);
    if (ok) return void 0;
    if (typeof error.code === "string") return error;
  } catch {
  }
  return { code: FOREIGN, message: `${url} (${status} ${headers.get("Content-Type")})`, retry: true };
}

// clientjs/src/link/connector.ts
var STABLE = 1e4;
var FIRST_ANSWER = 65536;
var MIN_ANSWER = 1024;
var MUTE_CLIMB = 6e4;
var SLOW = 6;
var CLIMB = 5e3;
var MAX_CLIMB = 3e5;
function createConnector(config, session, onStatus) {
  const { clock, random, transports, options } = config;
  const { fetch = globalThis.fetch, WebSocket = globalThis.WebSocket } = options;
  const url = baseOf(options.url ?? "/bus");
  let { names } = config;
  const tokens = createTokens(options, clock, random, renew);
  const reputation = createReputation(createMemory(url, clock, () => !options.transports && names === config.names));
  const context = {
    url,
    clock,
    random,
    WebSocket,
    fetch,
    token: tokens.current,
    received: session.report,
    refused: session.refused,
    credentials: options.credentials,
    sends: {}
  };
  const heartbeat = createHeartbeat({ clock, random, ping: session.ping, nudge: session.nudge, doubt, dead: () => fail(session.link) });
  let status = { state: "idle", transport: null, error: null };
  const race = createRace({
    clock,
    transports,
    context,
    rank,
    carrier: () => session.link,
    frames(id, frames) {
      if (id === session.link) alive();
      for (const frame of frames) if (links.has(id)) session.frame(id, frame);
    },
    chosen(id, name) {
      session.cancel(renewal);
      session.open(id, tokens.current(), reason(name), options.connectionId, name === "poll" ? context.max : void 0);
    },
    failed: fail,
    dropped(id, { connectedAt }) {
      if (connectedAt !== void 0) {
        heartbeat.stop();
        tokens.stop();
      }
      session.lost(id);
    },
    over: () => settle()
  });
  const { links } = race;
  let fruitless = 0;
  let warned = false;
  let suspect;
  let downSince = Infinity;
  let upSince = 0;
  let retryTimer;
  let climbTimer;
  let fetching;
  let climbIn = CLIMB;
  let climbedAt = 0;
  let away = false;
  let renewal;
  function rank(name) {
    const i = names.indexOf(name);
    return i < 0 ? names.length : i;
  }
  const current = () => suspect ? void 0 : links.get(session.link);
  function better() {
    const carrier = current();
    return carrier ? names.slice(0, rank(carrier.name)) : names;
  }
  const active = () => !["idle", "closed"].includes(status.state);
  function connect() {
    clock.clear(retryTimer);
    if (away) return set("waiting", status.error);
    dropOthers();
    downSince = Math.min(downSince, clock.now());
    if (!session.link) set("connecting", status.error);
    if (!tokens.due()) return begin();
    const turn = fetching = { since: clock.now() };
    tokens.fetch().then(
      () => turn === fetching && begin(),
      (cause) => {
        if (turn !== fetching) return;
        tokens.refused(TOKEN_BAD);
        settle({ code: TOKEN_BAD, message: `getToken failed: ${cause}`, retry: true });
      }
    );
  }
  function begin() {
    const known = current() ? void 0 : reputation.recall();
    climbedAt = clock.now();
    race.begin([...better()].sort((a, b) => +(b === known) - +(a === known)));
  }
  function reason(name) {
    if (name === "websocket") return void 0;
    const best = names[0];
    if (best === name) return "chosen";
    return reputation.fault(best) ?? ([...links.values()].some((a) => a.name === best) ? "unproven" : "remembered");
  }
  function settle(error) {
    if (session.link) return climbLater();
    wait(error);
    if (!error) void ask();
  }
  async function ask() {
    let error;
    try {
      error = await readError(await fetch(url, { credentials: options.credentials }));
    } catch {
      return;
    }
    if (!error || session.link || status.state !== "waiting") return;
    const wrong = error.code === FOREIGN || NOT_HERE.includes(error.code);
    if (!wrong) return error.retry ? void 0 : close(error);
    fruitless = Math.max(fruitless + 1, SLOW);
    wait(error);
    if (!warned) console.warn(`tidings: ${status.error.message} ${status.error.hint}`);
    warned = true;
  }
  function climbLater() {
    if (!better().length) return;
    clock.clear(climbTimer);
    climbTimer = clock.set(climb, climbIn * (0.75 + random() / 2));
    climbIn = Math.min(climbIn * 2, MAX_CLIMB);
  }
  function climb() {
    if (status.state === "connected" && links.size === 1 && better().length) begin();
  }
  function connected(link, frame) {
    const attempt = links.get(link);
    if (!attempt) return;
    const { name } = attempt;
    const mute = suspect;
    suspect = void 0;
    race.connected(link, attempt);
    reputation.works(name);
    tokens.taken(frame.ttl);
    heartbeat.start(frame.heartbeat ?? 25e3);
    const fallback = reason(name);
    set("connected", null, name, fallback);
    if (links.size > 1) race.choose();
    else climbLater();
    if (mute) trouble(mute, MUTE);
  }
  function fail(id, error, fault = "refused") {
    const attempt = links.get(id);
    if (!attempt) return;
    const { name, connectedAt } = attempt;
    if (!error && connectedAt !== void 0) heartbeat.cut();
    const mute = id === session.link && suspect;
    race.drop(id);
    if (error && SESSION_LOST.includes(error.code)) session.forget();
    const over = !!error && TAKEN_OVER.includes(error.code);
    const moved = over && (id !== race.opened || connectedAt === void 0);
    if (moved || over && name === "poll") error = void 0;
    const elsewhere = connectedAt === void 0 && (!error || NOT_HERE.includes(error.code));
    if (error && !tokens.refused(error.code) && (!error.retry || error.code === TOKEN_OVER) && !elsewhere) return close(error);
    if (connectedAt !== void 0) {
      if (mute) {
        trouble(name, MUTE);
        suspect = void 0;
      } else if (!moved || !links.size) judge(name, connectedAt);
      if (links.size) {
        if (!session.link && !moved) set("connecting", status.error);
      } else if (moved && fruitless < SLOW) connect();
      else wait(error);
      return;
    }
    reputation.failed(name, fault);
    if (id === race.opened && !error) barren(name);
    if (elsewhere) return race.next(id === race.opened ? better().slice(rank(name) + 1) : void 0);
    dropOthers();
    settle(error);
  }
  function judge(name, connectedAt) {
    if (clock.now() - connectedAt < STABLE) {
      barren(name);
      return trouble(name, SHORT_LIFE);
    }
    fruitless = 0;
    context.max = void 0;
    reputation.good(name);
    if (!rank(name)) climbIn = CLIMB;
  }
  function barren(name) {
    fruitless++;
    if (name === "poll") context.max = Math.max(MIN_ANSWER, (context.max ?? FIRST_ANSWER) / 4);
  }
  function trouble(name, weight) {
    const next = names[(rank(name) + 1) % names.length];
    if (!reputation.trouble(name, weight, next) || weight === SHORT_LIFE) return;
    climbIn = Math.max(climbIn, MUTE_CLIMB);
    const worse = names.slice(rank(name) + 1);
    if (current()?.name === name && links.size === 1 && worse.length) race.begin(worse);
  }
  function doubt() {
    if (status.state !== "connected" || links.size > 1) return;
    suspect = status.transport;
    begin();
  }
  function alive() {
    heartbeat.heard();
    if (!suspect || links.has(race.opened) && race.opened !== session.link) return;
    suspect = void 0;
    dropOthers();
    climbLater();
  }
  function wait(error) {
    set("waiting", new TidingsError(error ?? LOST));
    clock.clear(retryTimer);
    if (away) return;
    const growing = fruitless > 1 ? backoff(fruitless, () => 0.5 + random() / 2) : 0;
    retryTimer = clock.set(connect, error?.after === void 0 ? Math.max(growing, jitter(clock.now() - downSince, random)) : random() * error.after);
  }
  function dropOthers(but = session.link) {
    clock.clear(retryTimer);
    clock.clear(climbTimer);
    fetching = void 0;
    race.dropAllBut(but);
  }
  async function refresh() {
    await tokens.fetch();
    session.cancel(renewal);
    renewal = session.request({ type: "refresh", token: tokens.current() ?? null });
    renewal.done = (reply, error) => reply ? tokens.taken(reply.ttl) : fail(session.link, error);
  }
  function renew() {
    refresh().catch(() => {
    });
  }
  function goodbye() {
    if (race.opened !== session.link) links.get(race.opened)?.link?.send([{ type: "disconnect" }]);
    session.goodbye();
  }
  function close(error) {
    if (status.state === "closed") return;
    if (error) session.forget();
    else goodbye();
    dropOthers(0);
    set("closed", error && new TidingsError(error));
  }
  function set(state, error = null, transport = null, fallback) {
    if (status.state !== "connected") upSince = clock.now();
    else if (!transport && clock.now() - upSince >= STABLE) downSince = clock.now();
    status = { state, transport, error, ...fallback && { fallback } };
    onStatus(status);
  }
  function wake() {
    if (status.state === "waiting" || fetching && Math.abs(clock.now() - fetching.since) >= PROBE) connect();
    else if (status.state === "connected") {
      heartbeat.probe(PROBE);
      if (clock.now() - climbedAt > CLIMB) climb();
    }
  }
  return {
    get status() {
      return status;
    },
    start() {
      if (status.state === "idle") connect();
    },
    wake,
    leave() {
      away = true;
      goodbye();
      dropOthers(0);
      if (active()) set("waiting");
    },
    release() {
      away = false;
      wake();
    },
    cut(hold = away) {
      away = hold;
      dropOthers();
      if (links.size) fail(session.link);
      else if (active()) wait();
    },
    use(list) {
      names = list;
      reputation.clear();
      if (active()) connect();
    },
    close,
    send(link, frames) {
      heartbeat.sent(frames.some(({ id }) => id));
      links.get(link)?.link?.send(frames);
    },
    connected,
    fail,
    refresh,
    fruit(at = downSince) {
      fruitless = 0;
      downSince = at;
    },
    hole() {
      const attempt = current();
      if (attempt) trouble(attempt.name, HOLE);
    },
    renew
  };
}

// clientjs/src/core/cursor.ts
function createCursor(since) {
  let at = since && pick(since);
  const ids = /* @__PURE__ */ new Set();
  function remember(id) {
    if (ids.has(id)) return false;
    ids.add(id);
    if (ids.size > RECENT_IDS) ids.delete(ids.values().next().value);
    return true;
  }
  function gapped(reason, from) {
    const last = at;
    return { reason, last, from: at = pick(from) };
  }
  return {
    get position() {
      return at;
    },
    check(m) {
      if (m.volatile) return "deliver";
      if (!at || m.epoch !== void 0 && m.epoch !== at.epoch) return "missing";
      if (m.offset <= at.offset) return "repeated";
      if ((m.prev ?? m.offset - 1) > at.offset) return "missing";
      return remember(m.id) ? "deliver" : "seen";
    },
    moved(m) {
      if (!m.volatile && at) at = { epoch: at.epoch, offset: m.offset, tag: m.tag };
    },
    subscribed(to, recovered, told) {
      const gap = gapped("unrecovered", to);
      return !gap.last || told || recovered && same(gap.last, to) ? void 0 : gap;
    },
    gapped,
    skipped(to) {
      if (to.epoch !== at?.epoch) return false;
      if (to.offset > at.offset) at = pick(to);
      return true;
    }
  };
}
var pick = ({ epoch, offset, tag }) => ({ epoch, offset, tag });
var same = (a, b) => a.epoch === b.epoch && a.offset === b.offset && a.tag === b.tag;

// clientjs/src/core/session.ts
var NO_LINK = { link: 0, n: 0 };
function createSession(port) {
  let session = "";
  let generation = 0;
  let received = 0;
  let count = 0;
  let acked = 0;
  let current = NO_LINK;
  let opening = NO_LINK;
  let lastID = 0;
  let nudged = 0;
  let attempts = 0;
  const subs = /* @__PURE__ */ new Set();
  const requests = /* @__PURE__ */ new Set();
  function open(link, token, fallback, connectionId, max) {
    opening = { link, n: count };
    const resume = session && { session, received: count, generation, attempt: ++attempts };
    port.send(link, [{ type: "connect", version: VERSION, token: token || void 0, fallback, connectionId, max, ...resume || {} }]);
  }
  function lost(link) {
    if (current.link === link) current = NO_LINK;
    if (opening.link === link) opening = NO_LINK;
  }
  function forget() {
    session = "";
    current = opening = NO_LINK;
  }
  function replaces(id) {
    session = id;
    count = Number.MAX_SAFE_INTEGER;
  }
  function subscribe(channel, since, filter, scope) {
    for (const r of requests) {
      if (isUnsubscribe(r) && r.frame.channel === channel && !filter && !scope && !r.frame.room) requests.delete(r);
    }
    for (const s of subs) if (s.over && keyOf(s) === keyOf({ channel, filter, scope })) subs.delete(s);
    const sub = { channel, filter, scope, cursor: createCursor(since), room: "", pending: 0, pings: 0, tries: 0 };
    subs.add(sub);
    if (current.link) again(sub);
    return sub;
  }
  function unsubscribe(sub) {
    if (!subs.has(sub) || sub.over) return;
    const unnamed = (sub.filter || sub.scope) && !sub.room;
    if (unnamed && sub.pending) {
      sub.over = true;
      return;
    }
    subs.delete(sub);
    if (!session || unnamed || sub.room && [...subs].some((s) => s.channel === sub.channel && s.room === sub.room)) return;
    request({ type: "unsubscribe", channel: sub.channel, room: sub.room || void 0 });
  }
  function request(frame2) {
    const request2 = { frame: frame2, id: 0 };
    requests.add(request2);
    if (current.link) send([numbered(request2)]);
    return request2;
  }
  function cancel(request2) {
    requests.delete(request2);
  }
  function ping() {
    if (!current.link) return;
    send([{ type: "ping", received: report2() }]);
  }
  function beat() {
    if (!current.link) return;
    ping();
    for (const sub of subs) if (sub.pending && ++sub.pings === MAX_PINGS) again(sub);
  }
  function report2() {
    return opening.link ? void 0 : acked = count;
  }
  function retry() {
    for (const sub of subs) if (current.link && sub.refused) again(sub);
  }
  function goodbye() {
    if (current.link) send([{ type: "disconnect" }]);
    forget();
  }
  function frame(link, f) {
    if (f.type === "connected") {
      if (link === opening.link) onConnected(f);
    } else if (f.type === "disconnect") {
      if (link !== current.link && link !== opening.link) return;
      lost(link);
      port.disconnected(link, { ...f, message: f.reason });
    } else if (link === current.link && counted(f.type)) {
      count = ++current.n;
      if (count > received) {
        received = count;
        onCounted(f);
      }
      if (current.link === link && !opening.link && count - acked >= ACK_EVERY) ping();
    }
  }
  function onConnected(f) {
    const resumed = f.resumed && f.session === session;
    current = opening;
    opening = NO_LINK;
    session = f.session;
    generation = f.generation;
    if (!resumed) {
      received = acked = current.n = 0;
      for (const sub of subs) if (sub.over) subs.delete(sub);
      for (const r of requests) if (isUnsubscribe(r)) requests.delete(r);
    }
    count = current.n;
    const all = [...requests];
    const out = all.filter(isUnsubscribe).map(numbered);
    for (const sub of subs) if (!resumed || !(sub.live || sub.over)) out.push(subscription(sub));
    out.push(...all.filter((r) => !isUnsubscribe(r)).map(numbered));
    const { link } = current;
    for (let i = 0; i < out.length; i += MAX_FRAMES) send(out.slice(i, i + MAX_FRAMES));
    port.connected(link, f, resumed);
  }
  function onCounted(f) {
    switch (f.type) {
      case "message":
        return onMessage(f);
      case "subscribed":
        return f.id ? onSubscribed(f.id, f) : port.other(f);
      case "gap":
        return onGap(f);
      case "position":
        for (const sub of settled(f)) if (!sub.cursor.skipped(f)) again(sub);
        return;
      case "unsubscribed": {
        const ended = settled(f);
        for (const sub of ended) end(sub, f);
        return ended.length ? void 0 : port.other(f);
      }
      case "reply":
        return onAnswer(f.id, f, void 0);
      case "error":
        return f.id ? onError(f.id, f) : port.other(f);
      default:
        port.other(f);
    }
  }
  function onMessage(f) {
    for (const sub of settled(f)) {
      const verdict = sub.cursor.check(f);
      if (verdict === "missing") hole(sub);
      if (verdict === "deliver") port.message(sub, f);
      if (verdict === "deliver" || verdict === "seen") sub.cursor.moved(f);
    }
  }
  function onSubscribed(id, f) {
    const sub = awaiting(id);
    if (!sub) return;
    sub.pending = 0;
    sub.room = f.room ?? "";
    if (f.room && [...requests].some((r) => isUnsubscribe(r) && r.frame.channel === f.channel && r.frame.room === f.room)) return again(sub);
    sub.live = true;
    if (sub.over) {
      sub.over = false;
      return unsubscribe(sub);
    }
    const gap = sub.cursor.subscribed(f, f.recovered, sub.told);
    if (gap) port.gap(sub, gap);
    port.subscribed(sub, f.recovered);
    sub.ended = void 0;
    sub.tries = 0;
  }
  function onGap(f) {
    for (const sub of f.id ? [awaiting(f.id)] : settled(f)) {
      if (!sub || sub.over) continue;
      if (f.id) sub.told = true;
      port.gap(sub, sub.cursor.gapped(f.reason, f.from));
    }
  }
  function onError(id, error) {
    const sub = awaiting(id);
    if (!sub) return onAnswer(id, void 0, error);
    if (sub.over) return void subs.delete(sub);
    if (!error.retry && error.code !== "superseded") return end(sub, error);
    sub.pending = 0;
    sub.refused = true;
    port.retryLater();
  }
  function onAnswer(id, reply, error) {
    const request2 = [...requests].find((r) => r.id === id);
    if (request2 && requests.delete(request2)) port.answered(request2, reply, error);
  }
  function end(sub, error) {
    const { ended } = sub;
    sub.ended = void 0;
    if (error.code === "forbidden" && sub.cursor.position) {
      sub.ended = error;
      sub.live = false;
      sub.pending = 0;
      port.askLater(sub.tries++);
      if (ended) return;
    } else subs.delete(sub);
    port.ended(sub, error);
  }
  function hole(sub) {
    const at = sub.cursor.position;
    sub.holes = sub.hole && same(sub.hole, at) ? (sub.holes ?? 0) + 1 : 1;
    sub.hole = at;
    if (sub.holes === 1) return again(sub);
    sub.live = false;
    sub.refused = true;
    port.retryLater(sub.holes);
  }
  function again(sub) {
    send([subscription(sub)]);
  }
  function subscription(sub) {
    sub.pending = ++lastID;
    sub.pings = 0;
    sub.told = sub.refused = sub.live = false;
    return { type: "subscribe", id: sub.pending, channel: sub.channel, filter: sub.filter, scope: sub.scope, since: sub.cursor.position };
  }
  function numbered(request2) {
    return { ...request2.frame, id: request2.id = ++lastID };
  }
  function send(frames) {
    port.send(current.link, frames);
  }
  const awaiting = (id) => [...subs].find((s) => s.pending === id);
  const settled = ({ channel, room = "" }) => [...subs].filter((s) => s.live && s.channel === channel && s.room === room);
  return {
    get id() {
      return session;
    },
    get link() {
      return current.link;
    },
    open,
    lost,
    forget,
    replaces,
    subscribe,
    unsubscribe,
    request,
    cancel,
    ping: beat,
    report: report2,
    retry,
    ask() {
      for (const sub of subs) if (current.link && sub.ended && !sub.pending && !sub.refused) again(sub);
    },
    nudge() {
      for (const sub of subs) if (current.link && sub.pending && sub.pending <= nudged) again(sub);
      nudged = lastID;
    },
    refused: onError,
    goodbye,
    frame
  };
}
var isUnsubscribe = (request) => request.frame.type === "unsubscribe";

// clientjs/src/util/page.ts
function watchPage(wake, hide, show) {
  const page2 = globalThis;
  const { document } = page2;
  if (!document || !page2.addEventListener) return () => {
  };
  const stop = new AbortController();
  const listen = (target, names) => names.forEach((name) => target.addEventListener(name, hear, stop));
  function hear({ type, persisted }) {
    if (type === "pagehide") hide();
    else if (persisted) show();
    else if (type !== "visibilitychange" || document.visibilityState === "visible") wake();
  }
  listen(page2, ["online", "focus", "pagehide", "pageshow"]);
  listen(document, ["visibilitychange", "resume"]);
  return () => stop.abort();
}

// clientjs/src/link/connection.ts
var build = true ? "1c50fdf2-long" : "source";
function createConnection(config, port) {
  const { tabs, clock } = config;
  let stopWatching;
  let asking;
  const session = createSession({
    ...port,
    send: (link, frames) => carrier.send(link, frames),
    connected: (link, frame) => carrier.connected(link, frame),
    disconnected: (link, error) => carrier.fail(link, error),
    message(sub, frame) {
      connector.fruit(clock.now());
      port.message(sub, frame);
    },
    retryLater(holes) {
      if (holes && holes <= config.names.length + 1) connector.hole();
      port.retryLater(holes);
    },
    askLater(tries) {
      asking ??= clock.set(() => {
        asking = void 0;
        session.ask();
      }, patience(tries, config.random));
    },
    answered(request, reply, error) {
      connector.fruit();
      request.done?.(reply, error);
    },
    other: (frame) => "code" in frame && frame.code === TOKEN_OVER ? connector.renew() : port.other(frame)
  });
  const changed = (status) => {
    if (status.state === "closed") {
      stopWatching?.();
      clock.clear(asking);
    }
    port.changed(status);
  };
  const connector = createConnector(config, session, changed);
  let carrier = connector;
  const alone = () => {
    carrier = connector;
    connector.start();
  };
  let loading;
  return {
    session,
    get carrier() {
      return carrier;
    },
    start() {
      stopWatching ??= watchPage(
        () => carrier.wake(),
        () => carrier.leave(),
        () => carrier.release()
      );
      if (!tabs) return connector.start();
      loading ??= tabs().then(({ share }) => {
        if (connector.status.state === "closed") return;
        carrier = share({
          ...config,
          build,
          session,
          own: (own, changes) => createConnection({ ...config, ...changes }, own),
          alone,
          changed,
          error: (wire) => new TidingsError(wire)
        });
        carrier.start();
      }).catch(alone);
    }
  };
}

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

// clientjs/src/bus/hub.ts
var warn = (gap) => console.warn(`tidings: messages of ${gap.channel} may be missing (${gap.reason}): give onGap`, gap);
function createHub({ clock, random, session, onGap = warn }) {
  const entries = /* @__PURE__ */ new Map();
  let refusals = 0;
  let timer;
  function each(sub, call) {
    const { listeners } = sub;
    for (const listener of [...listeners]) if (listeners.has(listener)) safely(() => call(listener));
  }
  function tellGap(gap, listeners) {
    let others = false;
    for (const { options } of listeners) {
      if (options.onGap) safely(() => options.onGap?.(gap));
      else others = true;
    }
    if (others) safely(() => onGap(gap));
  }
  function tellError(wire, channel, { onError }) {
    const error = new TidingsError(wire);
    if (onError) onError(error);
    else console.error(`tidings: no subscription to ${channel}: ${error.message} ${error.hint}`, error);
  }
  function tellSubscribed(sub, listener) {
    const at = sub.cursor.position;
    const { since, options } = listener;
    listener.since = void 0;
    if (since && !same(since, at)) tellGap({ channel: sub.channel, reason: "unrecovered", last: since, from: at }, [listener]);
    options.onSubscribed?.(at);
  }
  function leave(sub, listener) {
    if (!sub.listeners.delete(listener) || sub.listeners.size) return;
    queueMicrotask(() => {
      if (sub.listeners.size || entries.get(keyOf(sub)) !== sub) return;
      entries.delete(keyOf(sub));
      session().unsubscribe(sub);
    });
  }
  return {
    port: {
      message(sub, frame) {
        const { type: _, prev: __, room: ___, ...message } = frame;
        message.epoch ??= sub.cursor.position?.epoch;
        each(sub, ({ onMessage }) => onMessage(message.data, message.channel, message));
      },
      gap(sub, { reason, last = null, from }) {
        tellGap({ channel: sub.channel, reason, last, from }, [...sub.listeners]);
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
      }
    },
    subscribe(channel, onMessage, options) {
      const { filter } = options;
      const scope = options.scope === "all" ? void 0 : options.scope;
      const key2 = keyOf({ channel, filter, scope });
      let sub = entries.get(key2);
      if (sub?.ended && !sub.listeners.size) {
        session().unsubscribe(sub);
        sub = void 0;
      }
      const listener = { onMessage, options, since: void 0 };
      if (!sub) {
        sub = Object.assign(session().subscribe(channel, options.since, filter && JSON.parse(JSON.stringify(filter)), scope), { listeners: /* @__PURE__ */ new Set() });
        entries.set(key2, sub);
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
      return () => {
      };
    },
    close(error) {
      clock.clear(timer);
      for (const sub of error ? [...entries.values()] : []) each(sub, ({ options }) => options.onError?.(new TidingsError(error)));
      entries.clear();
    }
  };
}

// clientjs/src/transports/transport.ts
var PROVE = '[{"type":"ping"}]';
var byteLength = (text) => new TextEncoder().encode(text).length;
function takeBatch(waiting, maxFrames = MAX_FRAMES) {
  let bytes = 0;
  let n = 0;
  while (n < waiting.length && n < maxFrames) {
    bytes += byteLength(waiting[n]) + 1;
    if (n && bytes > MAX_FRAME_BYTES) break;
    n++;
  }
  return waiting.splice(0, n);
}
function toFrames(value) {
  const frames = Array.isArray(value) ? value : [value];
  if (!frames.every(validFrame)) throw new TypeError();
  return frames;
}

// clientjs/src/transports/upstream.ts
var ATTEMPTS = 6;
var FOREIGN_TRIES = 3;
var PING = '{"type":"ping"}';
function createUpstream(context, signal, lost) {
  const { sends, clock } = context;
  const waiting = [];
  let started = false;
  let busy = false;
  let alone = 0;
  const body = (frames) => `{"session":${JSON.stringify(sends.session)},"seq":${sends.seq},"frames":[${frames}]}`;
  async function attempt(text) {
    try {
      return await readError(await post(context, "/send", text, signal)) ?? null;
    } catch {
      return void 0;
    }
  }
  async function deliver(frames) {
    const text = body(frames);
    for (let n = 1; ; n++) {
      const error = await attempt(text);
      if (!signal.aborted) {
        if (error === null || error?.code === FOREIGN && n >= FOREIGN_TRIES) return error;
        if (n === ATTEMPTS || error && (!error.retry || RECONNECT.includes(error.code))) lost(error);
      }
      if (signal.aborted) return new Promise(() => {
      });
      await new Promise((resume) => clock.set(resume, backoff(n - 1, context.random)));
    }
  }
  async function pump() {
    if (busy || !started) return;
    busy = true;
    while (sends.unanswered || waiting.length) {
      const frames = sends.unanswered ? [PING] : takeBatch(waiting, alone ? 1 : void 0);
      if (alone) alone--;
      if (!sends.unanswered) sends.seq++;
      sends.unanswered = true;
      const error = await deliver(frames);
      if (error) {
        if (await deliver([PING])) return lost();
        refuse(frames, error);
      }
      sends.unanswered = false;
    }
    busy = false;
  }
  function refuse(frames, error) {
    if (frames.length > 1) {
      alone = frames.length;
      waiting.unshift(...frames);
      return;
    }
    const { id } = JSON.parse(frames[0]);
    if (id) context.refused(id, { ...error, retry: false });
  }
  return {
    start(session) {
      if (sends.session !== session) Object.assign(sends, { session, seq: 0, unanswered: false });
      started = true;
      void pump();
    },
    push(frames) {
      const encoded = frames.map((f) => JSON.stringify(f));
      if (frames[0]?.type === "disconnect") {
        if (!started) return;
        sends.seq++;
        post(context, "/send", body(encoded)).catch(() => {
        });
      } else {
        waiting.push(...encoded);
        void pump();
      }
    }
  };
}

// clientjs/src/transports/http.ts
function httpLink(context, events, path, read, again) {
  const aborter = new AbortController();
  const { signal } = aborter;
  const proof = new AbortController();
  const close = () => {
    proof.abort();
    aborter.abort();
  };
  const lost = (error) => {
    if (signal.aborted) return;
    close();
    events.lost(error);
  };
  const over = () => lost();
  const upstream = createUpstream(context, signal, lost);
  let opened = false;
  let connected;
  async function ask(body, until, take2) {
    const response = await post(context, path, body, until);
    if (!response.ok) {
      const error = await readError(response);
      lost(error?.code === FOREIGN ? void 0 : error);
    }
    until.throwIfAborted();
    await read(response, (value) => {
      until.throwIfAborted();
      take2(value);
    });
  }
  function take(value) {
    const frames = toFrames(value);
    for (const f of frames) if (f.type === "connected") upstream.start((connected = f).session);
    events.frames(frames);
  }
  async function run(body) {
    do
      await ask(body, signal, take);
    while (again && connected && (body = await again(connected)));
  }
  const unproven = () => proof.signal.aborted || lost();
  ask(PROVE, proof.signal, (value) => {
    toFrames(value);
    proof.abort();
    events.open();
  }).then(unproven, unproven);
  return {
    send(frames) {
      if (opened) return upstream.push(frames);
      opened = true;
      run(JSON.stringify(frames)).then(over, over);
    },
    close
  };
}

// clientjs/src/transports/poll.ts
var STAND = 50;
function poll(context, events) {
  const read = async (response, take) => take(JSON.parse(await response.text()).frames);
  let attempt = 0;
  return httpLink(context, events, "/poll", read, async ({ session, generation }) => {
    let received;
    while ((received = context.received()) === void 0) await new Promise((resume) => context.clock.set(resume, STAND));
    return JSON.stringify([{ type: "poll", session, received, generation, attempt: ++attempt, max: context.max }]);
  });
}

// clientjs/src/transports/sse-parser.ts
function createSSEParser(onData) {
  let line = "";
  let data = [];
  let afterCR = false;
  return (chunk) => {
    const lines = (line + (afterCR ? chunk.replace(/^\n/, "") : chunk)).split(/\r\n?|\n/);
    if (chunk) afterCR = chunk.endsWith("\r");
    line = lines.pop();
    for (const text of lines) {
      if (/^data(:|$)/.test(text)) data.push(text.replace(/^data:? ?/, ""));
      if (text) continue;
      if (data.length) onData(data.join("\n"));
      data = [];
    }
  };
}

// clientjs/src/transports/sse.ts
function sse(context, events) {
  return httpLink(context, events, "/sse", async ({ body }, take) => {
    const receive = createSSEParser((data) => take(JSON.parse(data)));
    const reader = body.getReader();
    const decoder = new TextDecoder();
    for (; ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      receive(decoder.decode(value, { stream: true }));
    }
  });
}

// clientjs/src/transports/websocket.ts
function websocket({ url, WebSocket }, events) {
  const address = new URL(`${url}/ws`);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address.href);
  let over = false;
  let proven = false;
  const lost = (error) => {
    if (over) return;
    close();
    events.lost(error);
  };
  const close = () => {
    over = true;
    socket.close();
  };
  socket.onopen = () => over || socket.send(PROVE);
  socket.onerror = () => lost();
  socket.onclose = ({ code, reason }) => lost(comesBack(code) ? void 0 : { code: reason || `close_${code}` });
  socket.onmessage = ({ data }) => {
    if (over) return;
    let frames;
    try {
      frames = toFrames(JSON.parse(data));
    } catch {
      return lost();
    }
    if (proven) return events.frames(frames);
    proven = true;
    events.open();
  };
  return {
    send(frames) {
      const waiting = frames.map((f) => JSON.stringify(f));
      while (!over && waiting.length) socket.send(`[${takeBatch(waiting)}]`);
    },
    close
  };
}

// clientjs/src/bus/bus.ts
var TRANSPORTS = { websocket, sse, poll };
var CLOSED = { code: "closed" };
var randomKey = () => `${crypto.getRandomValues(new Uint32Array(4))}`;
function createMessageBus(options = {}) {
  const shared = options.tabs !== false && !options.connectionId && globalThis.navigator?.locks;
  return createBus(options, TRANSPORTS, shared ? () => Promise.resolve().then(() => __toESM(require("./tabs.js"), 1)) : void 0);
}
function createBus(options, transports, tabs) {
  const { clock = systemClock, random = Math.random, timeout = 3e4 } = options;
  const usable = (names2) => {
    const found = names2.filter((name) => transports[name] && (name !== "websocket" || options.WebSocket || globalThis.WebSocket));
    if (!found.length) throw new TypeError(`no transport works here: ${names2}`);
    return found;
  };
  const names = usable(options.transports ?? ["websocket", "sse", "poll"]);
  const statusListeners = createListeners();
  const frameListeners = createListeners();
  const asked = /* @__PURE__ */ new Set();
  const joined = /* @__PURE__ */ new Map();
  const hub = createHub({ clock, random, onGap: options.onGap, session: () => connection.session });
  const port = {
    ...hub.port,
    other(frame) {
      if (frame.type === "subscribed") joined.set(frame.channel, frame);
      if (frame.type === "unsubscribed") joined.delete(frame.channel);
      if (frame.type === "error") console.warn(`tidings: ${frame.code}: ${frame.message} ${frame.hint ?? ""}`);
      frameListeners.tell(frame);
    },
    changed(status) {
      if (status.state === "closed") end(status.error);
      statusListeners.tell(status);
    }
  };
  const connection = createConnection({ options, clock, random, transports, names, tabs }, port);
  function end(error) {
    if (error) console.error(`tidings: closed: ${error.message} ${error.hint}`, error);
    hub.close(error);
    for (const { done } of asked) done?.(void 0, CLOSED);
  }
  function wrong(frame) {
    if (connection.carrier.status.state === "closed") return CLOSED;
    if ("channel" in frame && !validChannel(frame.channel)) return { code: "bad_channel", message: JSON.stringify(frame.channel) };
    return byteLength(JSON.stringify(frame)) > MAX_FRAME_BYTES ? { code: "too_large" } : void 0;
  }
  function request(frame) {
    return new Promise((resolve, reject) => {
      const error = wrong(frame);
      if (error) return reject(new TidingsError(error));
      const own = connection.session.request(frame);
      const timer = clock.set(() => own.done?.(), timeout);
      own.done = (reply, failure = { code: "timeout", retry: true }) => {
        clock.clear(timer);
        asked.delete(own);
        connection.session.cancel(own);
        if (reply) resolve(reply);
        else reject(new TidingsError(failure));
      };
      asked.add(own);
      connection.start();
    });
  }
  return {
    subscribe(channel, onMessage, subscribeOptions = {}) {
      const error = wrong({ channel, filter: subscribeOptions.filter });
      if (error) return hub.refuse(error, channel, subscribeOptions);
      const unsubscribe = hub.subscribe(channel, onMessage, subscribeOptions);
      connection.start();
      return unsubscribe;
    },
    async publish(channel, data, options2) {
      const reply = await request({
        ...options2,
        type: "publish",
        channel,
        data: JSON.parse(JSON.stringify(data)),
        idempotencyKey: options2?.idempotencyKey ?? randomKey()
      });
      return pick(reply);
    },
    async history(channel, { since, limit } = {}) {
      const reply = await request({ type: "history", channel, since: since && pick(since), limit });
      return { messages: reply.messages, position: pick(reply), complete: reply.complete };
    },
    request,
    onFrame(listener) {
      joined.forEach((frame) => listener(frame));
      return frameListeners.add(listener);
    },
    url: options.url ?? "/bus",
    get status() {
      return connection.carrier.status;
    },
    onStatus: statusListeners.add,
    refresh: () => connection.carrier.refresh(),
    use: (n) => connection.carrier.use(usable(n)),
    close: () => connection.carrier.close(null),
    debug: {
      cut: () => connection.carrier.cut(),
      hold: () => connection.carrier.cut(true),
      release: () => connection.carrier.release()
    }
  };
}

// clientjs/src/bus/shared.ts
var page = globalThis;
var key = /* @__PURE__ */ Symbol.for("tidings.bus");
function sharedMessageBus(url = "/bus") {
  const buses = page[key] ??= /* @__PURE__ */ new Map();
  let bus = buses.get(url);
  if (!bus || bus.status.state === "closed") buses.set(url, bus = createMessageBus({ url }));
  return bus;
}
