/* Tidings, Apache-2.0 */

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

// clientjs/src/link/heartbeat.ts
var PROBE = 2e3;

// clientjs/src/core/frames.ts
var keyOf = ({ channel, filter, scope }) => JSON.stringify([channel, filter, scope]);
var MAX_MESSAGE_BYTES = 65536;
var MAX_FRAME_BYTES = MAX_MESSAGE_BYTES - 512;

// clientjs/src/core/cursor.ts
var same = (a, b) => a.epoch === b.epoch && a.offset === b.offset && a.tag === b.tag;

// clientjs/src/link/connection.ts
var build = true ? "1c50fdf2" : "source";

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
    se(freeze, resume) {
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
    this.Te = events;
  }
  /** Queues, or takes the lock from whoever has it. */
  Ee(steal = false) {
    this.xe();
    const place = this.me = new AbortController();
    const hold = () => {
      if (this.me !== place) return void 0;
      return new Promise((resolve) => {
        this.release = resolve;
        this.Te.Be();
      });
    };
    const over = () => {
      if (this.me !== place) return;
      const led = this.release;
      this.xe();
      if (led) this.Te.qe();
      else this.Te.failed();
    };
    try {
      this.locks.request(this.name, steal ? { steal } : { signal: place.signal }, hold).then(void 0, over);
    } catch {
      queueMicrotask(over);
    }
  }
  /** Leaves the queue, or releases the lock. */
  xe() {
    const { me: place, release } = this;
    this.me = this.release = void 0;
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
    this.Ce = false;
    this.ae = [];
    if (!sub.filter && !sub.scope) this.room = "";
  }
  /** Up to here the tabs were told. */
  get end() {
    const last = this.ae[this.ae.length - 1];
    return last && this.start ? { epoch: this.start.epoch, offset: last.offset, tag: last.tag } : this.start;
  }
  /** The subscription stands at `at`. */
  Oe(at) {
    if (this.end && same(this.end, at)) return;
    this.start = at;
    this.ae = [];
  }
  /** Keeps a message, and returns it as the tabs should have it: following the last one that they had. */
  g(frame) {
    const last = this.end;
    if (frame.volatile || !last) return frame;
    const told = last.offset < (frame.prev ?? frame.offset - 1) ? { ...frame, prev: last.offset } : frame;
    if (frame.exclude) told.epoch = last.epoch;
    this.ae.push(told);
    if (this.ae.length > RING) {
      const { offset, tag } = this.ae.shift();
      this.start = { epoch: last.epoch, offset, tag };
    }
    return told;
  }
  /** The messages after `since`, if they are all at hand. */
  after(since) {
    if (!this.start) return void 0;
    if (same(since, this.start)) return [...this.ae];
    const { epoch } = this.start;
    const i = this.ae.findIndex(({ offset, tag }) => same(since, { epoch, offset, tag }));
    return i < 0 ? void 0 : this.ae.slice(i + 1);
  }
  /** Messages on their way may yet reach `since`. */
  Ue(since) {
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
    this.ce = /* @__PURE__ */ new Map();
    /** What tabs asked the server, and which of them. */
    this.ve = /* @__PURE__ */ new Map();
    /** What began the subscriptions that the server made, by channel. */
    this.joined = /* @__PURE__ */ new Map();
    this._e = 0;
    this.session = "";
    const port = {
      message: (sub, frame) => this.onMessage(sub, frame),
      gap: (sub, gap) => this.onGap(sub, gap),
      subscribed: (sub) => this.onSubscribed(sub),
      ended: (sub, error) => this.Ae(sub, error),
      i: (frame) => this.$e(frame),
      u: () => config.De(() => this.connection.session.retry()),
      changed: (status) => status.state === "closed" ? config.ended(plain(status).error) : this.onStatus(status)
    };
    this.connection = config.Z(port);
    if (config.Le) this.connection.session.Y(config.Le);
  }
  /** Opens the connection, and announces to the tabs who leads. */
  start() {
    this.Pe();
    this.connection.start();
  }
  onStatus({ state }) {
    const session = this.connection.session.id;
    if (state === "connected" && session !== this.session) {
      if (this.session) for (const [to, { link }] of this.members) this.config.le({ re: "lost", to, link });
      this.session = session;
      this.joined.clear();
    }
    this.Pe();
  }
  /** Whether other tabs are there. */
  get He() {
    return this.members.size > 1;
  }
  Pe() {
    this.config.le({ re: "lead", ue: this.ue(), session: this.connection.session.id });
  }
  ue() {
    return plain(this.connection.e.status);
  }
  close() {
    this.connection.e.close(null);
  }
  /** A tab asks who leads, and believes to have a link, over which it sent `n` posts. */
  Ke(tab, link, n, wake) {
    const now = this.config.now();
    if (link) this.known(tab, link, n);
    if (wake && Math.abs(now - this._e) > PULSE) {
      this._e = now;
      this.connection.e.$();
    }
    this.Pe();
  }
  /** Takes frames of a tab's session: the `n`th post of its link. */
  he(tab, link, n, frames) {
    if (frames[0]?.type === "connect") this.Ve(tab, link);
    const member = this.members.get(tab);
    if (member?.link === link) member.n++;
    if (this.known(tab, link, n)) for (const frame of frames) this.frame(tab, link, frame);
  }
  /** Whether everything came that a tab sent over its link; else it has to make a new one. */
  known(tab, link, n) {
    const member = this.members.get(tab);
    const known = member?.link === link && member.n === n;
    if (known) member.R = this.config.now();
    else this.Re(tab, link);
    return known;
  }
  /** Forgets tabs that are gone, and looks again at what waits. */
  Xe() {
    const old = this.config.now() - FORGET;
    for (const [tab, { R: heard }] of this.members) if (heard < old && tab !== this.config.oe) this.drop(tab);
    for (const feed of this.ce.values()) {
      for (const w of feed.waiting) w.late = true;
      if (feed.sub.live) this.ge(feed);
    }
  }
  Ve(tab, link) {
    this.drop(tab);
    this.members.set(tab, { link, n: 0, R: this.config.now() });
    this.to(tab, link, { type: "connected", session: `${tab}.${link}`, resumed: false, generation: 1 });
    for (const frame of this.joined.values()) this.to(tab, link, { ...frame, late: true });
  }
  drop(tab) {
    this.members.delete(tab);
    for (const feed of this.ce.values()) this.q(feed, tab);
    for (const [request, from] of this.ve) {
      if (from !== tab) continue;
      this.ve.delete(request);
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
        for (const feed of this.ce.values()) if (feed.sub.channel === channel && feed.room === room) this.q(feed, tab);
        return this.to(tab, link, { type: "reply", id });
      }
      default:
        if (frame.exclude) frame.exclude = tab;
        if (frame.type === "presence" && frame.users) (this.ce.get(keyOf({ channel })) ?? frame).users = frame.users;
        this.V(frame, tab, link, id);
    }
  }
  /** Asks the server for a tab, and passes the answer on under the tab's own `id`. */
  V(frame, tab, link, id) {
    const request = this.connection.session.request(frame);
    this.ve.set(request, tab);
    request.done = (reply, error) => {
      this.ve.delete(request);
      this.to(tab, link, reply ? { ...reply, id } : { ...error, type: "error", id });
    };
  }
  join(asked, w) {
    let feed = this.ce.get(keyOf(asked));
    if (!feed) this.ce.set(keyOf(asked), feed = new Feed(this.subscribe(asked, w.since)));
    feed.members.add(w.tab);
    feed.waiting = feed.waiting.filter(({ tab }) => tab !== w.tab);
    feed.waiting.push(w);
    const { live, ended } = feed.sub;
    if (live) this.ge(feed);
    else if (ended) this.Ae(feed.sub, ended);
  }
  q(feed, tab) {
    feed.members.delete(tab);
    feed.waiting = feed.waiting.filter((w) => w.tab !== tab);
    if (feed.members.size) return;
    this.ce.delete(keyOf(feed.sub));
    this.connection.session.unsubscribe(feed.sub);
  }
  /**
   * Answers the tabs that wait for a feed that is live: from where it stands, from what is kept, or from the server.
   */
  ge(feed) {
    for (const w of [...feed.waiting]) {
      const { since, gap } = w;
      const missed = since && !gap ? feed.after(since) : [];
      if (missed) this.ze(feed, w, missed);
      else if (w.late || !feed.Ue(since)) return this.Ye(feed, since);
    }
  }
  ze(feed, { tab, link, id, since, gap }, missed) {
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
  Ye(feed, since) {
    feed.Ce = true;
    this.connection.session.unsubscribe(feed.sub);
    feed.sub = this.subscribe(feed.sub, since);
  }
  subscribe({ channel, filter, scope }, since) {
    return this.connection.session.subscribe(channel, since, filter, scope);
  }
  $e(frame) {
    if (frame.type === "subscribed") this.joined.set(frame.channel, frame);
    if (frame.type === "unsubscribed") this.joined.delete(frame.channel);
    this.be(frame);
  }
  ye(sub) {
    const feed = this.ce.get(keyOf(sub));
    return feed?.sub === sub ? feed : void 0;
  }
  onMessage(sub, frame) {
    const feed = this.ye(sub);
    if (!feed) return;
    this.be(feed.g(frame));
    if (feed.waiting.length) this.ge(feed);
  }
  onGap(sub, gap) {
    const feed = this.ye(sub);
    if (!feed) return;
    const { reason, last, from } = gap;
    feed.Oe(from);
    if (!feed.Ce) this.be({ type: "gap", channel: sub.channel, room: feed.room || void 0, reason, from });
    else for (const tab of feed.members) if (!feed.waiting.some((w) => w.tab === tab)) this.Re(tab);
    for (const w of feed.waiting) if (w.since && last && same(w.since, last)) w.gap = gap;
  }
  onSubscribed(sub) {
    const feed = this.ye(sub);
    if (!feed) return;
    if (sub.ended) return feed.members.forEach((tab) => this.Re(tab));
    feed.Ce = false;
    feed.room = sub.room;
    feed.Oe(sub.cursor.position);
    this.ge(feed);
    if (feed.users) this.connection.session.request({ type: "presence", channel: sub.channel, users: feed.users });
  }
  Ae(sub, { code, message = "", hint = "" }) {
    const feed = this.ye(sub);
    if (!feed) return;
    if (!sub.ended) this.ce.delete(keyOf(sub));
    for (const w of feed.waiting.splice(0)) this.to(w.tab, w.link, { type: "error", id: w.id, code, message, hint, retry: false });
    if (feed.room !== void 0) this.be({ type: "unsubscribed", channel: sub.channel, room: feed.room || void 0, code, message, hint });
  }
  /** Makes a tab connect anew, and subscribe from its own positions. */
  Re(tab, link = this.members.get(tab)?.link) {
    if (!link) return;
    this.config.le({ re: "lost", to: tab, link });
    if (this.members.get(tab)?.link === link) this.drop(tab);
  }
  to(tab, link, frame) {
    this.config.le({ re: "down", to: tab, link, frames: [frame] });
  }
  be(frame) {
    this.config.le({ re: "down", frames: [frame] });
  }
};

// clientjs/src/tabs/voice.ts
function createVoice(me, term, post) {
  let n = 0;
  let queue = [];
  const numbered = (said) => ({ ...said, from: me, ie: term(), n: ++n });
  function flush() {
    for (const said of queue.splice(0)) post(numbered(said));
  }
  return {
    le(said) {
      if (!queue.length) queueMicrotask(flush);
      const last = queue[queue.length - 1];
      if (said.re === "down" && last?.re === "down" && last.to === said.to && last.link === said.link) {
        last.frames.push(...said.frames);
      } else queue.push(said);
    },
    flush,
    clear() {
      queue = [];
    },
    Je: numbered
  };
}

// clientjs/src/tabs/watch.ts
var QUIET = 2500;
var DEADLINE = 2e3;
var BEAT = 2e4;
var LATE = 1500;
function createWatch({ clock, random, platform, oe: me, V: ask, take }) {
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
    R() {
      heardAt = clock.now();
      asked = 0;
    },
    Qe(other) {
      if (other < lowest) lowest = other;
    },
    V: question,
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
    this.ie = 0;
    this.link = 0;
    this.Ze = 0;
    /** Posts over this link. */
    this.C = 0;
    this.de = false;
    /** When this tab last began to join the group. */
    this.je = 0;
    this.et = 0;
    this.oe = platform.name();
    this.p = host.p;
    this.voice = createVoice(this.oe, () => this.ie, (post) => {
      this.re(post);
      this.he(post);
    });
    this.se = createWatch({
      clock: host.clock,
      random: host.random,
      platform,
      oe: this.oe,
      V: (wake, rank) => this.re({ re: "who", from: this.oe, leader: this.leader?.id ?? "", link: this.link, n: this.C, $: wake, F: rank }),
      take: () => this.fe?.Ee(true)
    });
  }
  start() {
    if (this.status.state !== "idle") return;
    this.show();
    this.Fe = this.platform.se(
      () => this.q(),
      () => this.release()
    );
    void this.join(0);
  }
  $() {
    if (this.te) this.te.connection.e.$();
    else if (this.channel) this.V(true);
    else if (this.status.state === "waiting" || Math.abs(this.host.clock.now() - this.je) >= PROBE) void this.join(0);
  }
  /** The page is left or frozen: somebody else has to lead. */
  q() {
    this.de = true;
    this.ke();
    this.show();
  }
  release() {
    if (this.te) this.te.connection.e.release();
    if (!this.de) return;
    this.de = false;
    if (this.channel) this.V(true);
    else void this.join(0);
    this.show();
  }
  /**
   * Finds out who the user is now. Another one: goes to the tabs of that user. The same one: the leader reports the new
   * token to the server.
   */
  async refresh() {
    await this.group.tt();
    const { name } = this;
    if (!name || this.status.state === "closed") return;
    if (await this.group.name() !== name) this.move();
    else await this.te?.connection.e.refresh();
  }
  cut(hold = this.de) {
    if (this.te) return this.te.connection.e.cut(hold);
    this.de = hold;
    this.pe();
    if (!hold) this.V(true);
  }
  use(names) {
    this.p = names;
    this.te?.connection.e.use(names);
  }
  close(error) {
    if (this.status.state === "closed") return;
    this.ke();
    this.Fe?.();
    this.host.changed(this.status = { state: "closed", transport: null, error: error && this.host.error(error) });
  }
  /** Carries frames of this tab's session to the leader. */
  send(link, frames) {
    if (link !== this.link || !this.leader) return;
    const n = ++this.C;
    if (this.te) this.te.he(this.oe, link, n, frames);
    else this.re({ re: "up", from: this.oe, to: this.leader.id, link, n, frames });
  }
  connected() {
    this.show();
  }
  U() {
    this.pe();
  }
  /** Enters the group: queues for the lock, and asks who leads. */
  async join(attempt) {
    const { host, platform } = this;
    if (!this.Ne) return;
    this.je = host.clock.now();
    try {
      await this.group.nt();
    } catch (cause) {
      if (!this.Ne) return;
      const error = { code: "unauthorized", message: `getToken failed: ${cause}`, retry: true };
      this.show({ state: "waiting", transport: null, error });
      this.we = host.clock.set(() => void this.join(attempt + 1), backoff(attempt, host.random));
      return;
    }
    try {
      const name = await this.group.name();
      if (!this.Ne) return;
      this.name = name;
      this.channel = platform.open(name);
      this.channel.onmessage = (event) => this.he(event.data);
      this.fe = new Election(platform.locks, name, {
        Be: () => this.rt(),
        qe: () => this.stepDown(),
        failed: () => this.ee()
      });
    } catch {
      return this.ee();
    }
    this.fe.Ee();
    this.V(true);
  }
  /** It should be in the group, and is not. */
  get Ne() {
    return !this.channel && !this.de && this.status.state !== "closed";
  }
  /** There is nothing to share with here. */
  ee() {
    this.ke();
    this.Fe?.();
    this.host.ee();
  }
  rt() {
    const { host } = this;
    this.pe();
    this.ie = Math.max(this.ie + 1, host.clock.now());
    const { ie: term } = this;
    const mine = (then) => (...args) => {
      if (this.te && term === this.ie) then(...args);
    };
    const relay = this.te = new Relay({
      oe: this.oe,
      now: () => host.clock.now(),
      Z: (port) => host.Z(port, {
        options: { ...host.options, ...this.group.credentials(mine(() => this.move()), mine(() => this.ot())) },
        p: this.p,
        tabs: void 0
      }),
      Le: this.leader?.session ?? "",
      le: mine((said) => this.voice.le(said)),
      De: (callback) => {
        host.clock.clear(this.we);
        this.we = host.clock.set(callback, backoff(++this.et, host.random));
      },
      ended: mine((error) => this.ended(error))
    });
    this.leader = void 0;
    relay.start();
    this.se.stop();
    this.We();
  }
  /** Makes the relay look again, from time to time. */
  We() {
    const { clock } = this.host;
    clock.clear(this.Me);
    this.Me = clock.set(() => {
      this.te?.Xe();
      this.We();
    }, BEAT);
  }
  /** The connection to the server is over: taken over by the session of a newer leader, or for good. */
  ended(error) {
    if (error && TAKEN_OVER.includes(error.code)) this.stepDown();
    else this.close(error);
  }
  /** The user is another one now: goes to the tabs of that one. */
  move() {
    this.ke();
    this.show();
    void this.join(0);
  }
  /** This tab gets no token. Another may, once the connection needs one; not at once, if none of them gets one. */
  ot() {
    const { He: others, connection } = this.te;
    if (others && connection.e.status.state !== "connected" && Math.abs(this.host.clock.now() - this.ie) > PATIENCE) this.stepDown();
  }
  /** Goes back into the queue: another tab leads. */
  stepDown() {
    this.Ie();
    this.fe?.Ee();
    this.V(true);
    this.show();
  }
  Ie() {
    const { te: relay } = this;
    if (!relay) return;
    this.voice.flush();
    this.re(this.voice.Je({ re: "bye" }));
    this.te = void 0;
    this.voice.clear();
    this.pe();
    this.leader = void 0;
    this.host.clock.clear(this.Me);
    relay.close();
  }
  /** Leaves the group. */
  ke() {
    const { host } = this;
    this.se.stop();
    host.clock.clear(this.we);
    if (!this.te) host.session.G();
    this.Ie();
    host.session.h();
    this.link = 0;
    this.leader = void 0;
    this.name = "";
    this.fe?.xe();
    this.channel?.close();
    this.fe = this.channel = void 0;
  }
  re(post) {
    try {
      this.channel?.postMessage(post);
    } catch {
    }
  }
  he(post) {
    switch (post.re) {
      case "who":
        this.se.Qe(post.F);
        return this.te?.Ke(post.from, post.leader === this.oe ? post.link : 0, post.n, post.$ || this.platform.hidden());
      case "up":
        if (post.to === this.oe) this.te?.he(post.from, post.link, post.n, post.frames);
        return;
      case "lead":
        return this.it(post);
      default: {
        const { leader } = this;
        if (post.from !== leader?.id || !this.Ge(leader, post.n)) return;
        if (post.re === "down") return this.st(post);
        if (post.re === "bye") return this.ct();
        if (post.to === this.oe && post.link === this.link) this.Se();
      }
    }
  }
  it({ from, ie: term, n, ue: standing, session }) {
    if (term < this.ie) return;
    if (this.te && from !== this.oe) return this.stepDown();
    this.ie = term;
    this.se.R();
    const { leader } = this;
    if (leader?.id !== from || leader.ie !== term) {
      this.leader = { id: from, ie: term, next: n + 1, ue: standing, session };
      this.Se();
    } else if (this.Ge(leader, n)) {
      Object.assign(leader, { ue: standing, session });
      if (!this.link) this.Se();
    }
    this.show();
  }
  st({ to, link, frames }) {
    this.se.R();
    if (to !== void 0 && (to !== this.oe || link !== this.link)) return;
    const own = this.link;
    for (const frame of frames) {
      const told = frame.exclude === this.oe ? leftOut(frame) : frame;
      if (this.link === own && own) this.host.session.frame(own, told);
    }
  }
  ct() {
    this.pe();
    this.leader = void 0;
    this.show();
    this.V(false);
  }
  /** Whether a post follows the last one. One that was missed may have been for this tab: then it links anew. */
  Ge(leader, n) {
    if (n < leader.next) return false;
    const missed = n > leader.next;
    leader.next = n + 1;
    if (missed) this.Se();
    return !missed;
  }
  /** Connects this tab's session to the leader. */
  Se() {
    this.pe();
    if (this.de) return;
    this.link = ++this.Ze;
    this.C = 0;
    this.host.session.open(this.link);
  }
  pe() {
    const { link } = this;
    this.link = 0;
    if (link) this.host.session.lost(link);
    this.show();
  }
  /** Asks whether the leader lives, unless this tab leads. */
  V(wake) {
    if (this.channel && !this.te) this.se.V(wake);
  }
  /** Reports to the bus how it stands, if that has changed. */
  show(standing) {
    if (this.status.state === "closed") return;
    const { session, error } = this.host;
    const linked = this.link && session.link === this.link && this.leader;
    const { error: wire, ...rest } = standing ?? (linked ? linked.ue : { state: this.de ? "waiting" : "connecting", transport: null, error: null });
    const next = { ...rest, error: wire && error(wire), tab: this.te ? "leader" : "follower" };
    if (JSON.stringify([this.status, this.status.error?.message]) === JSON.stringify([next, next.error?.message])) return;
    this.host.changed(this.status = next);
  }
};

// clientjs/src/tabs.ts
var FRESH = 1e4;
function share(host, platform = browser()) {
  const { url = "/bus", getToken, tabs } = host.options;
  const { clock } = host;
  if (host.Q !== build) throw new Error("other build");
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
    nt: identify,
    async tt() {
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
export {
  share
};
//# sourceMappingURL=tabs.js.map
