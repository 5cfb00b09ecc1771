import type { Connection, ConnectionPort } from "../link/connection.js";
import { same, type CursorGap } from "../core/cursor.js";
import { keyOf, type ClientFrame, type MessageFrame, type Position, type ServerFrame, type SubscribedFrame, type WireError } from "../core/frames.js";
import type { Request, Subscription } from "../core/session.js";
import type { Status } from "../types.js";
import { Feed, type Waiting } from "./feed.js";
import type { Said, Standing } from "./posts.js";

/** A tab that nothing was heard of for this long is forgotten, in ms: timers of hidden tabs run once a minute. */
const FORGET = 150_000;
/** How often a hidden leader's connection is woken by the others, in ms: its own timers run late. */
const PULSE = 20_000;

/** What a relay needs. */
export interface RelayConfig {
  /** The leader's own tab. */
  readonly me: string;
  now(): number;
  /** Makes the connection to the server. */
  own(port: ConnectionPort): Connection;
  /** The session of the leader before, which ends; empty for none. */
  fence: string;
  /** Sends something to the tabs, in order. */
  say(said: Said): void;
  /**
   * Calls back in a while that grows each time: the server refused something for the moment, or a message stays away.
   */
  later(callback: () => void): void;
  /** The connection to the server is over for good. */
  ended(error: WireError | null): void;
}

interface Member {
  readonly link: number;
  /** Posts that came over the link. */
  n: number;
  heard: number;
}

const plain = ({ state, transport, error, fallback }: Status): Standing => ({
  state: state === "idle" ? "connecting" : state,
  transport,
  error: error && { code: error.code, message: error.message, hint: error.hint, retry: error.retry },
  ...(fallback && { fallback }),
});

/**
 * The leader's side: one connection to the server for all tabs, its own tab among them. To each tab's session it looks
 * like a server whose sessions do not resume; it relays frames as they come and answers a `subscribe` by what it has
 * kept or by asking the server anew. Its own subscriptions check continuity once for all; each tab's cursor does it
 * again.
 */
export class Relay {
  readonly connection: Connection;
  private readonly members = new Map<string, Member>();
  /** By {@link keyOf}. */
  private readonly feeds = new Map<string, Feed>();
  /** What tabs asked the server, and which of them. */
  private readonly asked = new Map<Request, string>();
  /** What began the subscriptions that the server made, by channel. */
  private readonly joined = new Map<string, SubscribedFrame>();
  private pulsed = 0;
  private session = "";

  constructor(private readonly config: RelayConfig) {
    const port: ConnectionPort = {
      message: (sub, frame) => this.onMessage(sub, frame),
      gap: (sub, gap) => this.onGap(sub, gap),
      subscribed: (sub) => this.onSubscribed(sub),
      ended: (sub, error) => this.onEnded(sub, error),
      other: (frame) => this.onOther(frame),
      retryLater: () => config.later(() => this.connection.session.retry()),
      changed: (status) => (status.state === "closed" ? config.ended(plain(status).error) : this.onStatus(status)),
    };
    this.connection = config.own(port);
    if (config.fence) this.connection.session.replaces(config.fence);
  }

  /** Opens the connection, and announces to the tabs who leads. */
  start(): void {
    this.announce();
    this.connection.start();
  }

  private onStatus({ state }: Status): void {
    const session = this.connection.session.id;
    if (state === "connected" && session !== this.session) {
      // A server that had forgotten the session has to be asked again for all that hangs on a subscription: each tab
      // subscribes anew.
      if (this.session) for (const [to, { link }] of this.members) this.config.say({ post: "lost", to, link });
      this.session = session;
      this.joined.clear();
    }
    this.announce();
  }

  /** Whether other tabs are there. */
  get others(): boolean {
    return this.members.size > 1;
  }

  announce(): void {
    this.config.say({ post: "lead", standing: this.standing(), session: this.connection.session.id });
  }

  standing(): Standing {
    return plain(this.connection.carrier.status);
  }

  close(): void {
    this.connection.carrier.close(null);
  }

  /** A tab asks who leads, and believes to have a link, over which it sent `n` posts. */
  who(tab: string, link: number, n: number, wake: boolean): void {
    const now = this.config.now();
    if (link) this.known(tab, link, n);
    if (wake && Math.abs(now - this.pulsed) > PULSE) {
      this.pulsed = now;
      this.connection.carrier.wake();
    }
    this.announce();
  }

  /** Takes frames of a tab's session: the `n`th post of its link. */
  hear(tab: string, link: number, n: number, frames: readonly ClientFrame[]): void {
    if (frames[0]?.type === "connect") this.welcome(tab, link);
    const member = this.members.get(tab);
    if (member?.link === link) member.n++;
    if (this.known(tab, link, n)) for (const frame of frames) this.frame(tab, link, frame);
  }

  /** Whether everything came that a tab sent over its link; else it has to make a new one. */
  private known(tab: string, link: number, n: number): boolean {
    const member = this.members.get(tab);
    const known = member?.link === link && member.n === n;
    if (known) member.heard = this.config.now();
    else this.lose(tab, link);
    return known;
  }

  /** Forgets tabs that are gone, and looks again at what waits. */
  tick(): void {
    const old = this.config.now() - FORGET;
    for (const [tab, { heard }] of this.members) if (heard < old && tab !== this.config.me) this.drop(tab);
    for (const feed of this.feeds.values()) {
      for (const w of feed.waiting) w.late = true;
      if (feed.sub.live) this.settle(feed);
    }
  }

  private welcome(tab: string, link: number): void {
    this.drop(tab);
    this.members.set(tab, { link, n: 0, heard: this.config.now() });
    this.to(tab, link, { type: "connected", session: `${tab}.${link}`, resumed: false, generation: 1 });
    for (const frame of this.joined.values()) this.to(tab, link, { ...frame, late: true });
  }

  private drop(tab: string): void {
    this.members.delete(tab);
    for (const feed of this.feeds.values()) this.leave(feed, tab);
    for (const [request, from] of this.asked) {
      if (from !== tab) continue;
      this.asked.delete(request);
      this.connection.session.cancel(request);
    }
  }

  private frame(tab: string, link: number, { id, ...frame }: ClientFrame): void {
    const channel = frame.channel as string;
    switch (frame.type) {
      case "connect":
      case "ping":
        return;
      case "disconnect":
        return this.drop(tab);
      case "subscribe":
        return this.join({ channel, filter: frame.filter, scope: frame.scope as string | undefined }, { tab, link, id: id as number, since: frame.since as Position | undefined });
      case "unsubscribe": {
        const { room = "" } = frame;
        for (const feed of this.feeds.values()) if (feed.sub.channel === channel && feed.room === room) this.leave(feed, tab);
        return this.to(tab, link, { type: "reply", id: id as number });
      }
      default:
        if (frame.exclude) frame.exclude = tab;
        if (frame.type === "presence" && frame.users) (this.feeds.get(keyOf({ channel })) ?? frame).users = frame.users;
        this.ask(frame, tab, link, id as number);
    }
  }

  /** Asks the server for a tab, and passes the answer on under the tab's own `id`. */
  private ask(frame: ClientFrame, tab: string, link: number, id: number): void {
    const request = this.connection.session.request(frame);
    this.asked.set(request, tab);
    request.done = (reply, error) => {
      this.asked.delete(request);
      this.to(tab, link, reply ? { ...reply, id } : { ...(error as WireError), type: "error", id });
    };
  }

  private join(asked: Pick<Subscription, "channel" | "filter" | "scope">, w: Waiting): void {
    let feed = this.feeds.get(keyOf(asked));
    if (!feed) this.feeds.set(keyOf(asked), (feed = new Feed(this.subscribe(asked, w.since))));
    feed.members.add(w.tab);
    feed.waiting = feed.waiting.filter(({ tab }) => tab !== w.tab);
    feed.waiting.push(w);
    const { live, ended } = feed.sub;
    if (live) this.settle(feed);
    else if (ended) this.onEnded(feed.sub, ended);
  }

  private leave(feed: Feed, tab: string): void {
    feed.members.delete(tab);
    feed.waiting = feed.waiting.filter((w) => w.tab !== tab);
    if (feed.members.size) return;
    this.feeds.delete(keyOf(feed.sub));
    this.connection.session.unsubscribe(feed.sub);
  }

  /**
   * Answers the tabs that wait for a feed that is live: from where it stands, from what is kept, or from the server.
   */
  private settle(feed: Feed): void {
    for (const w of [...feed.waiting]) {
      const { since, gap } = w;
      const missed = since && !gap ? feed.after(since) : [];
      if (missed) this.admit(feed, w, missed);
      else if (w.late || !feed.ahead(since as Position)) return this.rewind(feed, since);
    }
  }

  private admit(feed: Feed, { tab, link, id, since, gap }: Waiting, missed: MessageFrame[]): void {
    const { channel } = feed.sub;
    const room = feed.room || undefined;
    feed.waiting = feed.waiting.filter((w) => w.id !== id || w.tab !== tab);
    const recovered = !!since && !gap;
    const at = (recovered ? since : feed.end) as Position;
    if (gap) this.to(tab, link, { type: "gap", id, channel, room, reason: gap.reason, from: at });
    this.to(tab, link, { type: "subscribed", id, channel, room, ...at, recovered });
    for (const m of missed) this.to(tab, link, m);
  }

  /** Asks the server for the messages after a tab's own position. The others hear them again, and drop them. */
  private rewind(feed: Feed, since: Position | undefined): void {
    feed.rewound = true;
    this.connection.session.unsubscribe(feed.sub);
    feed.sub = this.subscribe(feed.sub, since);
  }

  private subscribe({ channel, filter, scope }: Pick<Subscription, "channel" | "filter" | "scope">, since: Position | undefined): Subscription {
    return this.connection.session.subscribe(channel, since, filter, scope);
  }

  private onOther(frame: ServerFrame): void {
    if (frame.type === "subscribed") this.joined.set(frame.channel, frame);
    if (frame.type === "unsubscribed") this.joined.delete(frame.channel);
    this.toAll(frame);
  }

  private feedOf(sub: Subscription): Feed | undefined {
    const feed = this.feeds.get(keyOf(sub));
    return feed?.sub === sub ? feed : undefined;
  }

  private onMessage(sub: Subscription, frame: MessageFrame): void {
    const feed = this.feedOf(sub);
    if (!feed) return;
    this.toAll(feed.keep(frame));
    if (feed.waiting.length) this.settle(feed);
  }

  private onGap(sub: Subscription, gap: CursorGap): void {
    const feed = this.feedOf(sub);
    if (!feed) return;
    const { reason, last, from } = gap;
    feed.stands(from);
    if (!feed.rewound) this.toAll({ type: "gap", channel: sub.channel, room: feed.room || undefined, reason, from });
    // After a rewind the others, who have heard more, begin again each from its own position.
    else for (const tab of feed.members) if (!feed.waiting.some((w) => w.tab === tab)) this.lose(tab);
    // Who waits with this very position is told in the answer to its subscribe.
    for (const w of feed.waiting) if (w.since && last && same(w.since, last)) w.gap = gap;
  }

  private onSubscribed(sub: Subscription): void {
    const feed = this.feedOf(sub);
    if (!feed) return;
    // The rules allow it again: each tab begins again from its own position.
    if (sub.ended) return feed.members.forEach((tab) => this.lose(tab));
    feed.rewound = false;
    feed.room = sub.room;
    feed.stands(sub.cursor.position as Position);
    this.settle(feed);
    if (feed.users) this.connection.session.request({ type: "presence", channel: sub.channel, users: feed.users });
  }

  private onEnded(sub: Subscription, { code, message = "", hint = "" }: WireError): void {
    const feed = this.feedOf(sub);
    if (!feed) return;
    if (!sub.ended) this.feeds.delete(keyOf(sub));
    for (const w of feed.waiting.splice(0)) this.to(w.tab, w.link, { type: "error", id: w.id, code, message, hint, retry: false });
    if (feed.room !== undefined) this.toAll({ type: "unsubscribed", channel: sub.channel, room: feed.room || undefined, code, message, hint });
  }

  /** Makes a tab connect anew, and subscribe from its own positions. */
  private lose(tab: string, link = this.members.get(tab)?.link): void {
    if (!link) return;
    this.config.say({ post: "lost", to: tab, link });
    if (this.members.get(tab)?.link === link) this.drop(tab);
  }

  private to(tab: string, link: number, frame: ServerFrame): void {
    this.config.say({ post: "down", to: tab, link, frames: [frame] });
  }

  private toAll(frame: ServerFrame): void {
    this.config.say({ post: "down", frames: [frame] });
  }
}
