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

// clientjs/src/tabs.ts
var tabs_exports = {};
__export(tabs_exports, {
  share: () => share
});
module.exports = __toCommonJS(tabs_exports);

// clientjs/src/util/clock.ts
var MAX_TIMER = 2 ** 31 - 1;
var CAP = 2e4;
var BASE = 200;
var backoff = (attempt, random) => random() * Math.min(CAP, BASE * 2 ** attempt);
var TOKEN_TIME = 3e4;
function within(promise, ms, clock) {
  return new Promise((resolve, reject) => {
    const timer = clock.set(() => reject(new Error(`no answer in ${ms} ms`)), ms);
    promise.then(resolve, reject).finally(() => clock.clear(timer));
  });
}

// clientjs/src/core/codes.ts
var TAKEN_OVER = ["superseded", "wrong_transport"];
var SESSION_LOST = ["session_gone", "sequence_gap"];
var TOKEN_OVER = "token_expired";
var RECONNECT = [...SESSION_LOST, TOKEN_OVER];

// clientjs/src/core/frames.ts
var keyOf = ({ channel, filter, scope }) => JSON.stringify([channel, filter, scope]);
var MAX_MESSAGE_BYTES = 65536;
var MAX_FRAME_BYTES = MAX_MESSAGE_BYTES - 512;

// clientjs/src/link/heartbeat.ts
var PROBE = 2e3;

// clientjs/src/core/cursor.ts
var same = (a, b) => a.epoch === b.epoch && a.offset === b.offset && a.tag === b.tag;

// clientjs/src/link/connection.ts
var build = true ? "1c50fdf2-long" : "source";

// clientjs/src/tabs/identity.ts
var PASSING = ["exp", "iat", "nbf", "jti"];
function identity(token) {
  if (token == null) return "";
  try {
    const [, payload = ""] = token.split(".");
    const claims = JSON.parse(atob(payload.replace(/-/g, "+").replace(/_/g, "/")));
    return JSON.stringify(Object.entries(claims).filter(([name]) => !PASSING.includes(name)).sort());
  } catch {
    return `token:${token}`;
  }
}

// clientjs/src/tabs/platform.ts
var hex = (bytes) => Array.from(new Uint8Array(bytes), (b) => b.toString(16).padStart(2, "0")).join("");
function browser() {
  const { document } = globalThis;
  if (!document) throw new Error("no page");
  return {
    locks: navigator.locks,
    open: (name) => new BroadcastChannel(name),
    resolve: (url) => new URL(url, document.baseURI).href,
    digest: async (text) => hex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).slice(0, 32),
    name: () => crypto.randomUUID(),
    hidden: () => document.visibilityState === "hidden",
    watch(freeze, resume) {
      const stop = new AbortController();
      document.addEventListener("freeze", freeze, { signal: stop.signal });
      document.addEventListener("resume", resume, { signal: stop.signal });
      return () => stop.abort();
    }
  };
}

// clientjs/src/tabs/election.ts
var Election = class {
  constructor(locks, name, events) {
    this.locks = locks;
    this.name = name;
    this.events = events;
  }
  /** Queues, or takes the lock from whoever has it. */
  stand(steal = false) {
    this.withdraw();
    const place = this.place = new AbortController();
    const hold = () => {
      if (this.place !== place) return void 0;
      return new Promise((resolve) => {
        this.release = resolve;
        this.events.won();
      });
    };
    const over = () => {
      if (this.place !== place) return;
      const led = this.release;
      this.withdraw();
      if (led) this.events.robbed();
      else this.events.failed();
    };
    try {
      this.locks.request(this.name, steal ? { steal } : { signal: place.signal }, hold).then(void 0, over);
    } catch {
      queueMicrotask(over);
    }
  }
  /** Leaves the queue, or releases the lock. */
  withdraw() {
    const { place, release } = this;
    this.place = this.release = void 0;
    release?.();
    place?.abort();
  }
};

// clientjs/src/tabs/posts.ts
function leftOut(frame) {
  const moves = frame.type === "message" && !frame.volatile;
  return { ...frame, type: moves ? "position" : "unknown" };
}

// clientjs/src/tabs/feed.ts
var RING = 256;
var Feed = class {
  constructor(sub) {
    this.sub = sub;
    this.members = /* @__PURE__ */ new Set();
    this.waiting = [];
    /** The server was asked to begin again at an older position, for one tab's sake. */
    this.rewound = false;
    this.ring = [];
    if (!sub.filter && !sub.scope) this.room = "";
  }
  /** Up to here the tabs were told. */
  get end() {
    const last = this.ring[this.ring.length - 1];
    return last && this.start ? { epoch: this.start.epoch, offset: last.offset, tag: last.tag } : this.start;
  }
  /** The subscription stands at `at`. */
  stands(at) {
    if (this.end && same(this.end, at)) return;
    this.start = at;
    this.ring = [];
  }
  /** Keeps a message, and returns it as the tabs should have it: following the last one that they had. */
  keep(frame) {
    const last = this.end;
    if (frame.volatile || !last) return frame;
    const told = last.offset < (frame.prev ?? frame.offset - 1) ? { ...frame, prev: last.offset } : frame;
    if (frame.exclude) told.epoch = last.epoch;
    this.ring.push(told);
    if (this.ring.length > RING) {
      const { offset, tag } = this.ring.shift();
      this.start = { epoch: last.epoch, offset, tag };
    }
    return told;
  }
  /** The messages after `since`, if they are all at hand. */
  after(since) {
    if (!this.start) return void 0;
    if (same(since, this.start)) return [...this.ring];
    const { epoch } = this.start;
    const i = this.ring.findIndex(({ offset, tag }) => same(since, { epoch, offset, tag }));
    return i < 0 ? void 0 : this.ring.slice(i + 1);
  }
  /** Messages on their way may yet reach `since`. */
  ahead(since) {
    return !!this.end && since.epoch === this.end.epoch && since.offset > this.end.offset;
  }
};

// clientjs/src/tabs/relay.ts
var FORGET = 15e4;
var PULSE = 2e4;
var plain = ({ state, transport, error, fallback }) => ({
  state: state === "idle" ? "connecting" : state,
  transport,
  error: error && { code: error.code, message: error.message, hint: error.hint, retry: error.retry },
  ...fallback && { fallback }
});
var Relay = class {
  constructor(config) {
    this.config = config;
    this.members = /* @__PURE__ */ new Map();
    /** By {@link keyOf}. */
    this.feeds = /* @__PURE__ */ new Map();
    /** What tabs asked the server, and which of them. */
    this.asked = /* @__PURE__ */ new Map();
    /** What began the subscriptions that the server made, by channel. */
    this.joined = /* @__PURE__ */ new Map();
    this.pulsed = 0;
    this.session = "";
    const port = {
      message: (sub, frame) => this.onMessage(sub, frame),
      gap: (sub, gap) => this.onGap(sub, gap),
      subscribed: (sub) => this.onSubscribed(sub),
      ended: (sub, error) => this.onEnded(sub, error),
      other: (frame) => this.onOther(frame),
      retryLater: () => config.later(() => this.connection.session.retry()),
      changed: (status) => status.state === "closed" ? config.ended(plain(status).error) : this.onStatus(status)
    };
    this.connection = config.own(port);
    if (config.fence) this.connection.session.replaces(config.fence);
  }
  /** Opens the connection, and announces to the tabs who leads. */
  start() {
    this.announce();
    this.connection.start();
  }
  onStatus({ state }) {
    const session = this.connection.session.id;
    if (state === "connected" && session !== this.session) {
      if (this.session) for (const [to, { link }] of this.members) this.config.say({ post: "lost", to, link });
      this.session = session;
      this.joined.clear();
    }
    this.announce();
  }
  /** Whether other tabs are there. */
  get others() {
    return this.members.size > 1;
  }
  announce() {
    this.config.say({ post: "lead", standing: this.standing(), session: this.connection.session.id });
  }
  standing() {
    return plain(this.connection.carrier.status);
  }
  close() {
    this.connection.carrier.close(null);
  }
  /** A tab asks who leads, and believes to have a link, over which it sent `n` posts. */
  who(tab, link, n, wake) {
    const now = this.config.now();
    if (link) this.known(tab, link, n);
    if (wake && Math.abs(now - this.pulsed) > PULSE) {
      this.pulsed = now;
      this.connection.carrier.wake();
    }
    this.announce();
  }
  /** Takes frames of a tab's session: the `n`th post of its link. */
  hear(tab, link, n, frames) {
    if (frames[0]?.type === "connect") this.welcome(tab, link);
    const member = this.members.get(tab);
    if (member?.link === link) member.n++;
    if (this.known(tab, link, n)) for (const frame of frames) this.frame(tab, link, frame);
  }
  /** Whether everything came that a tab sent over its link; else it has to make a new one. */
  known(tab, link, n) {
    const member = this.members.get(tab);
    const known = member?.link === link && member.n === n;
    if (known) member.heard = this.config.now();
    else this.lose(tab, link);
    return known;
  }
  /** Forgets tabs that are gone, and looks again at what waits. */
  tick() {
    const old = this.config.now() - FORGET;
    for (const [tab, { heard }] of this.members) if (heard < old && tab !== this.config.me) this.drop(tab);
    for (const feed of this.feeds.values()) {
      for (const w of feed.waiting) w.late = true;
      if (feed.sub.live) this.settle(feed);
    }
  }
  welcome(tab, link) {
    this.drop(tab);
    this.members.set(tab, { link, n: 0, heard: this.config.now() });
    this.to(tab, link, { type: "connected", session: `${tab}.${link}`, resumed: false, generation: 1 });
    for (const frame of this.joined.values()) this.to(tab, link, { ...frame, late: true });
  }
  drop(tab) {
    this.members.delete(tab);
    for (const feed of this.feeds.values()) this.leave(feed, tab);
    for (const [request, from] of this.asked) {
      if (from !== tab) continue;
      this.asked.delete(request);
      this.connection.session.cancel(request);
    }
  }
  frame(tab, link, { id, ...frame }) {
    const channel = frame.channel;
    switch (frame.type) {
      case "connect":
      case "ping":
        return;
      case "disconnect":
        return this.drop(tab);
      case "subscribe":
        return this.join({ channel, filter: frame.filter, scope: frame.scope }, { tab, link, id, since: frame.since });
      case "unsubscribe": {
        const { room = "" } = frame;
        for (const feed of this.feeds.values()) if (feed.sub.channel === channel && feed.room === room) this.leave(feed, tab);
        return this.to(tab, link, { type: "reply", id });
      }
      default:
        if (frame.exclude) frame.exclude = tab;
        if (frame.type === "presence" && frame.users) (this.feeds.get(keyOf({ channel })) ?? frame).users = frame.users;
        this.ask(frame, tab, link, id);
    }
  }
  /** Asks the server for a tab, and passes the answer on under the tab's own `id`. */
  ask(frame, tab, link, id) {
    const request = this.connection.session.request(frame);
    this.asked.set(request, tab);
    request.done = (reply, error) => {
      this.asked.delete(request);
      this.to(tab, link, reply ? { ...reply, id } : { ...error, type: "error", id });
    };
  }
  join(asked, w) {
    let feed = this.feeds.get(keyOf(asked));
    if (!feed) this.feeds.set(keyOf(asked), feed = new Feed(this.subscribe(asked, w.since)));
    feed.members.add(w.tab);
    feed.waiting = feed.waiting.filter(({ tab }) => tab !== w.tab);
    feed.waiting.push(w);
    const { live, ended } = feed.sub;
    if (live) this.settle(feed);
    else if (ended) this.onEnded(feed.sub, ended);
  }
  leave(feed, tab) {
    feed.members.delete(tab);
    feed.waiting = feed.waiting.filter((w) => w.tab !== tab);
    if (feed.members.size) return;
    this.feeds.delete(keyOf(feed.sub));
    this.connection.session.unsubscribe(feed.sub);
  }
  /**
   * Answers the tabs that wait for a feed that is live: from where it stands, from what is kept, or from the server.
   */
  settle(feed) {
    for (const w of [...feed.waiting]) {
      const { since, gap } = w;
      const missed = since && !gap ? feed.after(since) : [];
      if (missed) this.admit(feed, w, missed);
      else if (w.late || !feed.ahead(since)) return this.rewind(feed, since);
    }
  }
  admit(feed, { tab, link, id, since, gap }, missed) {
    const { channel } = feed.sub;
    const room = feed.room || void 0;
    feed.waiting = feed.waiting.filter((w) => w.id !== id || w.tab !== tab);
    const recovered = !!since && !gap;
    const at = recovered ? since : feed.end;
    if (gap) this.to(tab, link, { type: "gap", id, channel, room, reason: gap.reason, from: at });
    this.to(tab, link, { type: "subscribed", id, channel, room, ...at, recovered });
    for (const m of missed) this.to(tab, link, m);
  }
  /** Asks the server for the messages after a tab's own position. The others hear them again, and drop them. */
  rewind(feed, since) {
    feed.rewound = true;
    this.connection.session.unsubscribe(feed.sub);
    feed.sub = this.subscribe(feed.sub, since);
  }
  subscribe({ channel, filter, scope }, since) {
    return this.connection.session.subscribe(channel, since, filter, scope);
  }
  onOther(frame) {
    if (frame.type === "subscribed") this.joined.set(frame.channel, frame);
    if (frame.type === "unsubscribed") this.joined.delete(frame.channel);
    this.toAll(frame);
  }
  feedOf(sub) {
    const feed = this.feeds.get(keyOf(sub));
    return feed?.sub === sub ? feed : void 0;
  }
  onMessage(sub, frame) {
    const feed = this.feedOf(sub);
    if (!feed) return;
    this.toAll(feed.keep(frame));
    if (feed.waiting.length) this.settle(feed);
  }
  onGap(sub, gap) {
    const feed = this.feedOf(sub);
    if (!feed) return;
    const { reason, last, from } = gap;
    feed.stands(from);
    if (!feed.rewound) this.toAll({ type: "gap", channel: sub.channel, room: feed.room || void 0, reason, from });
    else for (const tab of feed.members) if (!feed.waiting.some((w) => w.tab === tab)) this.lose(tab);
    for (const w of feed.waiting) if (w.since && last && same(w.since, last)) w.gap = gap;
  }
  onSubscribed(sub) {
    const feed = this.feedOf(sub);
    if (!feed) return;
    if (sub.ended) return feed.members.forEach((tab) => this.lose(tab));
    feed.rewound = false;
    feed.room = sub.room;
    feed.stands(sub.cursor.position);
    this.settle(feed);
    if (feed.users) this.connection.session.request({ type: "presence", channel: sub.channel, users: feed.users });
  }
  onEnded(sub, { code, message = "", hint = "" }) {
    const feed = this.feedOf(sub);
    if (!feed) return;
    if (!sub.ended) this.feeds.delete(keyOf(sub));
    for (const w of feed.waiting.splice(0)) this.to(w.tab, w.link, { type: "error", id: w.id, code, message, hint, retry: false });
    if (feed.room !== void 0) this.toAll({ type: "unsubscribed", channel: sub.channel, room: feed.room || void 0, code, message, hint });
  }
  /** Makes a tab connect anew, and subscribe from its own positions. */
  lose(tab, link = this.members.get(tab)?.link) {
    if (!link) return;
    this.config.say({ post: "lost", to: tab, link });
    if (this.members.get(tab)?.link === link) this.drop(tab);
  }
  to(tab, link, frame) {
    this.config.say({ post: "down", to: tab, link, frames: [frame] });
  }
  toAll(frame) {
    this.config.say({ post: "down", frames: [frame] });
  }
};

// clientjs/src/tabs/voice.ts
function createVoice(me, term, post) {
  let n = 0;
  let queue = [];
  const numbered = (said) => ({ ...said, from: me, term: term(), n: ++n });
  function flush() {
    for (const said of queue.splice(0)) post(numbered(said));
  }
  return {
    say(said) {
      if (!queue.length) queueMicrotask(flush);
      const last = queue[queue.length - 1];
      if (said.post === "down" && last?.post === "down" && last.to === said.to && last.link === said.link) {
        last.frames.push(...said.frames);
      } else queue.push(said);
    },
    flush,
    clear() {
      queue = [];
    },
    numbered
  };
}

// clientjs/src/tabs/watch.ts
var QUIET = 2500;
var DEADLINE = 2e3;
var BEAT = 2e4;
var LATE = 1500;
function createWatch({ clock, random, platform, me, ask, take }) {
  let heardAt = 0;
  let spokeAt = 0;
  let asked = 0;
  let lowest = "";
  let timer;
  const rank = () => `${platform.hidden() ? 1 : 0} ${me}`;
  function question(wake) {
    asked++;
    spokeAt = clock.now();
    lowest = rank();
    ask(wake, lowest);
    arm(DEADLINE);
  }
  function arm(ms) {
    clock.clear(timer);
    const due = clock.now() + ms;
    timer = clock.set(() => tick(due), ms);
  }
  function tick(due) {
    const now = clock.now();
    const needed = Math.abs(now - due) > LATE ? 2 : 1;
    if (asked >= needed && lowest === rank()) take();
    const silent = Math.abs(now - heardAt) >= QUIET * 0.75;
    if (asked || silent || Math.abs(now - spokeAt) >= BEAT) question(false);
    else arm(QUIET * (0.75 + 0.5 * random()));
  }
  return {
    heard() {
      heardAt = clock.now();
      asked = 0;
    },
    rival(other) {
      if (other < lowest) lowest = other;
    },
    ask: question,
    stop: () => clock.clear(timer)
  };
}

// clientjs/src/tabs/tab.ts
var PATIENCE = 3e4;
var Tab = class {
  constructor(host, platform, group) {
    this.host = host;
    this.platform = platform;
    this.group = group;
    this.status = { state: "idle", transport: null, error: null };
    /** The group's, once it is in one. */
    this.name = "";
    /** The highest term heard of; that of a tab that leads began then, by its clock. */
    this.term = 0;
    this.link = 0;
    this.lastLink = 0;
    /** Posts over this link. */
    this.sent = 0;
    this.away = false;
    /** When this tab last began to join the group. */
    this.joinedAt = 0;
    this.refusals = 0;
    this.me = platform.name();
    this.names = host.names;
    this.voice = createVoice(this.me, () => this.term, (post) => {
      this.post(post);
      this.hear(post);
    });
    this.watch = createWatch({
      clock: host.clock,
      random: host.random,
      platform,
      me: this.me,
      ask: (wake, rank) => this.post({ post: "who", from: this.me, leader: this.leader?.id ?? "", link: this.link, n: this.sent, wake, rank }),
      take: () => this.election?.stand(true)
    });
  }
  start() {
    if (this.status.state !== "idle") return;
    this.show();
    this.stopWatching = this.platform.watch(
      () => this.leave(),
      () => this.release()
    );
    void this.join(0);
  }
  wake() {
    if (this.relay) this.relay.connection.carrier.wake();
    else if (this.channel) this.ask(true);
    else if (this.status.state === "waiting" || Math.abs(this.host.clock.now() - this.joinedAt) >= PROBE) void this.join(0);
  }
  /** The page is left or frozen: somebody else has to lead. */
  leave() {
    this.away = true;
    this.quit();
    this.show();
  }
  release() {
    if (this.relay) this.relay.connection.carrier.release();
    if (!this.away) return;
    this.away = false;
    if (this.channel) this.ask(true);
    else void this.join(0);
    this.show();
  }
  /**
   * Finds out who the user is now. Another one: goes to the tabs of that user. The same one: the leader reports the new
   * token to the server.
   */
  async refresh() {
    await this.group.again();
    const { name } = this;
    if (!name || this.status.state === "closed") return;
    if (await this.group.name() !== name) this.move();
    else await this.relay?.connection.carrier.refresh();
  }
  cut(hold = this.away) {
    if (this.relay) return this.relay.connection.carrier.cut(hold);
    this.away = hold;
    this.unlink();
    if (!hold) this.ask(true);
  }
  use(names) {
    this.names = names;
    this.relay?.connection.carrier.use(names);
  }
  close(error) {
    if (this.status.state === "closed") return;
    this.quit();
    this.stopWatching?.();
    this.host.changed(this.status = { state: "closed", transport: null, error: error && this.host.error(error) });
  }
  /** Carries frames of this tab's session to the leader. */
  send(link, frames) {
    if (link !== this.link || !this.leader) return;
    const n = ++this.sent;
    if (this.relay) this.relay.hear(this.me, link, n, frames);
    else this.post({ post: "up", from: this.me, to: this.leader.id, link, n, frames });
  }
  connected() {
    this.show();
  }
  fail() {
    this.unlink();
  }
  /** Enters the group: queues for the lock, and asks who leads. */
  async join(attempt) {
    const { host, platform } = this;
    if (!this.absent) return;
    this.joinedAt = host.clock.now();
    try {
      await this.group.identify();
    } catch (cause) {
      if (!this.absent) return;
      const error = { code: "unauthorized", message: `getToken failed: ${cause}`, retry: true };
      this.show({ state: "waiting", transport: null, error });
      this.retryTimer = host.clock.set(() => void this.join(attempt + 1), backoff(attempt, host.random));
      return;
    }
    try {
      const name = await this.group.name();
      if (!this.absent) return;
      this.name = name;
      this.channel = platform.open(name);
      this.channel.onmessage = (event) => this.hear(event.data);
      this.election = new Election(platform.locks, name, {
        won: () => this.lead(),
        robbed: () => this.stepDown(),
        failed: () => this.alone()
      });
    } catch {
      return this.alone();
    }
    this.election.stand();
    this.ask(true);
  }
  /** It should be in the group, and is not. */
  get absent() {
    return !this.channel && !this.away && this.status.state !== "closed";
  }
  /** There is nothing to share with here. */
  alone() {
    this.quit();
    this.stopWatching?.();
    this.host.alone();
  }
  lead() {
    const { host } = this;
    this.unlink();
    this.term = Math.max(this.term + 1, host.clock.now());
    const { term } = this;
    const mine = (then) => (...args) => {
      if (this.relay && term === this.term) then(...args);
    };
    const relay = this.relay = new Relay({
      me: this.me,
      now: () => host.clock.now(),
      own: (port) => host.own(port, {
        options: { ...host.options, ...this.group.credentials(mine(() => this.move()), mine(() => this.handOver())) },
        names: this.names,
        tabs: void 0
      }),
      fence: this.leader?.session ?? "",
      say: mine((said) => this.voice.say(said)),
      later: (callback) => {
        host.clock.clear(this.retryTimer);
        this.retryTimer = host.clock.set(callback, backoff(++this.refusals, host.random));
      },
      ended: mine((error) => this.ended(error))
    });
    this.leader = void 0;
    relay.start();
    this.watch.stop();
    this.beat();
  }
  /** Makes the relay look again, from time to time. */
  beat() {
    const { clock } = this.host;
    clock.clear(this.beatTimer);
    this.beatTimer = clock.set(() => {
      this.relay?.tick();
      this.beat();
    }, BEAT);
  }
  /** The connection to the server is over: taken over by the session of a newer leader, or for good. */
  ended(error) {
    if (error && TAKEN_OVER.includes(error.code)) this.stepDown();
    else this.close(error);
  }
  /** The user is another one now: goes to the tabs of that one. */
  move() {
    this.quit();
    this.show();
    void this.join(0);
  }
  /** This tab gets no token. Another may, once the connection needs one; not at once, if none of them gets one. */
  handOver() {
    const { others, connection } = this.relay;
    if (others && connection.carrier.status.state !== "connected" && Math.abs(this.host.clock.now() - this.term) > PATIENCE) this.stepDown();
  }
  /** Goes back into the queue: another tab leads. */
  stepDown() {
    this.resign();
    this.election?.stand();
    this.ask(true);
    this.show();
  }
  resign() {
    const { relay } = this;
    if (!relay) return;
    this.voice.flush();
    this.post(this.voice.numbered({ post: "bye" }));
    this.relay = void 0;
    this.voice.clear();
    this.unlink();
    this.leader = void 0;
    this.host.clock.clear(this.beatTimer);
    relay.close();
  }
  /** Leaves the group. */
  quit() {
    const { host } = this;
    this.watch.stop();
    host.clock.clear(this.retryTimer);
    if (!this.relay) host.session.goodbye();
    this.resign();
    host.session.forget();
    this.link = 0;
    this.leader = void 0;
    this.name = "";
    this.election?.withdraw();
    this.channel?.close();
    this.election = this.channel = void 0;
  }
  post(post) {
    try {
      this.channel?.postMessage(post);
    } catch {
    }
  }
  hear(post) {
    switch (post.post) {
      case "who":
        this.watch.rival(post.rank);
        return this.relay?.who(post.from, post.leader === this.me ? post.link : 0, post.n, post.wake || this.platform.hidden());
      case "up":
        if (post.to === this.me) this.relay?.hear(post.from, post.link, post.n, post.frames);
        return;
      case "lead":
        return this.onLead(post);
      default: {
        const { leader } = this;
        if (post.from !== leader?.id || !this.inOrder(leader, post.n)) return;
        if (post.post === "down") return this.onDown(post);
        if (post.post === "bye") return this.onBye();
        if (post.to === this.me && post.link === this.link) this.relink();
      }
    }
  }
  onLead({ from, term, n, standing, session }) {
    if (term < this.term) return;
    if (this.relay && from !== this.me) return this.stepDown();
    this.term = term;
    this.watch.heard();
    const { leader } = this;
    if (leader?.id !== from || leader.term !== term) {
      this.leader = { id: from, term, next: n + 1, standing, session };
      this.relink();
    } else if (this.inOrder(leader, n)) {
      Object.assign(leader, { standing, session });
      if (!this.link) this.relink();
    }
    this.show();
  }
  onDown({ to, link, frames }) {
    this.watch.heard();
    if (to !== void 0 && (to !== this.me || link !== this.link)) return;
    const own = this.link;
    for (const frame of frames) {
      const told = frame.exclude === this.me ? leftOut(frame) : frame;
      if (this.link === own && own) this.host.session.frame(own, told);
    }
  }
  onBye() {
    this.unlink();
    this.leader = void 0;
    this.show();
    this.ask(false);
  }
  /** Whether a post follows the last one. One that was missed may have been for this tab: then it links anew. */
  inOrder(leader, n) {
    if (n < leader.next) return false;
    const missed = n > leader.next;
    leader.next = n + 1;
    if (missed) this.relink();
    return !missed;
  }
  /** Connects this tab's session to the leader. */
  relink() {
    this.unlink();
    if (this.away) return;
    this.link = ++this.lastLink;
    this.sent = 0;
    this.host.session.open(this.link);
  }
  unlink() {
    const { link } = this;
    this.link = 0;
    if (link) this.host.session.lost(link);
    this.show();
  }
  /** Asks whether the leader lives, unless this tab leads. */
  ask(wake) {
    if (this.channel && !this.relay) this.watch.ask(wake);
  }
  /** Reports to the bus how it stands, if that has changed. */
  show(standing) {
    if (this.status.state === "closed") return;
    const { session, error } = this.host;
    const linked = this.link && session.link === this.link && this.leader;
    const { error: wire, ...rest } = standing ?? (linked ? linked.standing : { state: this.away ? "waiting" : "connecting", transport: null, error: null });
    const next = { ...rest, error: wire && error(wire), tab: this.relay ? "leader" : "follower" };
    if (JSON.stringify([this.status, this.status.error?.message]) === JSON.stringify([next, next.error?.message])) return;
    this.host.changed(this.status = next);
  }
};

// clientjs/src/tabs.ts
var FRESH = 1e4;
function share(host, platform = browser()) {
  const { url = "/bus", getToken, tabs } = host.options;
  const { clock } = host;
  if (host.build !== build) throw new Error("other build");
  let { token } = host.options;
  let who = "";
  let fetched;
  async function ask() {
    if (!fetched || Math.abs(clock.now() - fetched.at) >= FRESH) {
      fetched = { token: await within((async () => getToken?.())(), TOKEN_TIME, clock), at: clock.now() };
    }
    return fetched.token;
  }
  const identify = async () => {
    who = typeof tabs === "string" ? `key:${tabs}` : identity(token ?? await ask());
  };
  const group = {
    identify,
    async again() {
      fetched = void 0;
      await ask();
      if (getToken) token = void 0;
      await identify();
    },
    name: async () => `tidings:${await platform.digest(JSON.stringify([build, platform.resolve(url), who]))}`,
    credentials: (another, failed) => ({
      token,
      getToken: getToken && (async () => {
        const next = await ask().catch((cause) => {
          failed();
          throw cause;
        });
        if (typeof tabs !== "string" && identity(next) !== who) {
          token = void 0;
          another();
          throw new Error("another user");
        }
        fetched = void 0;
        return next;
      })
    })
  };
  return new Tab(host, platform, group);
}
