import { Cursor, type CursorGap } from "./cursor.js";
import {
  ACK_EVERY,
  MAX_FRAMES,
  VERSION,
  counted,
  type ClientFrame,
  type ConnectedFrame,
  type GapFrame,
  type MessageFrame,
  type Position,
  type ReplyFrame,
  type ServerFrame,
  type SubscribedFrame,
  type WireError,
} from "./frames.js";

/** What a {@link Session} asks of the program that it runs in. Called from within the session's methods, in order. */
export interface SessionPort {
  /** Writes frames to a link, at most 64, as one message. */
  send(link: number, frames: ClientFrame[]): void;
  /** Hands out a message. The cursor moves when it returned, also where it threw. */
  message(sub: Subscription, message: MessageFrame): void;
  /** Messages of `sub` may be missing. */
  gap(sub: Subscription, gap: CursorGap): void;
  /** `sub` is live from its cursor. */
  subscribed(sub: Subscription, recovered: boolean): void;
  /** The server refused or ended `sub`; it is forgotten. */
  ended(sub: Subscription, error: WireError): void;
  /** The answer to a request: a reply, or an error. */
  answered(request: Request, reply: ReplyFrame | undefined, error: WireError | undefined): void;
  /** `link` carries the session now. */
  connected(link: number, frame: ConnectedFrame, resumed: boolean): void;
  /** The server ended `link`: it will not carry more. */
  disconnected(link: number, error: WireError & { retry: boolean }): void;
  /** Frames that are no business of the machine: `event`, `joined`, `left`, an `error` without id. */
  other(frame: ServerFrame): void;
  /** Asks for a call of {@link Session.retry} in a while: the server refused a subscription for the moment. */
  retryLater(): void;
  /** A callback threw. Others go on. */
  fail(error: unknown): void;
}

/** One channel as the client holds it on the wire. */
export class Subscription {
  readonly cursor: Cursor;
  /** Named by the server where there is a filter. */
  room = "";
  /** The id of the `subscribe` that has no answer yet; 0 for none. */
  pending = 0;
  /** A `gap` answered it already. */
  told = false;
  /** Refused for the moment. */
  refused = false;
  /** Confirmed on this session. */
  live = false;
  /** Unsubscribed before the server named its room: the unsubscribe follows when it has. */
  over = false;

  constructor(
    readonly channel: string,
    since?: Position,
    readonly filter?: unknown,
  ) {
    this.cursor = new Cursor(since);
  }
}

/** A publish, history or other request that wants an answer. */
export interface Request {
  readonly frame: Readonly<ClientFrame>;
  /** As last sent; 0: not sent yet. */
  id: number;
}

interface LinkState {
  link: number;
  /** Counted frames of the session up to and with the last on this link. */
  n: number;
}

const NO_LINK: LinkState = { link: 0, n: 0 };

/**
 * A client's side of the protocol as a pure state machine: one session over a row of links, each of which is a transport that
 * its program opened. It counts frames, resumes, subscribes again, checks continuity, and tells one gap where that fails.
 * SPEC.md sections 7 and 10; `core/client.go` is the same machine in Go, and both replay the same traces.
 */
export class Session {
  /** The secret by which the connection can be taken up again; empty before the first `connected`. */
  id = "";
  private generation = 0;
  /** The highest number of a frame that was handed on. */
  private received = 0;
  /** The number of the last frame on the link that carries, or last carried, the session: what is reported. */
  private counted = 0;
  /** What was last reported. */
  private acked = 0;
  private current = NO_LINK;
  private opening = NO_LINK;
  private lastID = 0;
  private readonly subs = new Set<Subscription>();
  private readonly requests = new Set<Request>();

  constructor(private readonly port: SessionPort) {}

  /** The link that carries the session, 0 for none. */
  get link(): number {
    return this.current.link;
  }

  /**
   * Takes a new link, numbered from 1 and never reused, and sends `connect` over it. The link that carries the session goes
   * on until the answer comes (make before break).
   */
  open(link: number, token?: string): void {
    this.opening = { link, n: this.counted };
    const frame: ClientFrame = { type: "connect", version: VERSION };
    if (token) frame.token = token;
    if (this.id) Object.assign(frame, { session: this.id, received: this.counted, generation: this.generation });
    this.port.send(link, [frame]);
  }

  /** A link failed or was closed. */
  lost(link: number): void {
    if (this.current.link === link) this.current = NO_LINK;
    if (this.opening.link === link) this.opening = NO_LINK;
  }

  /** Gives the session up: the next link starts a new one, and every subscription recovers from its cursor. */
  forget(): void {
    this.id = "";
    this.current = this.opening = NO_LINK;
  }

  /** Makes a subscription, from `since` where it is given. One per channel and filter. */
  subscribe(channel: string, since?: Position, filter?: unknown): Subscription {
    // The new subscription replaces the old one at the server: an unsubscribe that would be sent again would end it.
    for (const r of this.requests) {
      if (isUnsubscribe(r) && r.frame.channel === channel && !filter && !r.frame.room) this.requests.delete(r);
    }
    for (const s of this.subs) if (s.over && s.channel === channel && sameJSON(s.filter, filter)) this.subs.delete(s);
    const sub = new Subscription(channel, since, filter);
    this.subs.add(sub);
    if (this.link) this.again(sub);
    return sub;
  }

  /** Ends a subscription; nothing more is handed out for it. */
  unsubscribe(sub: Subscription): void {
    if (!this.subs.has(sub) || sub.over) return;
    const unnamed = sub.filter && !sub.room;
    if (unnamed && sub.pending) {
      sub.over = true;
      return;
    }
    this.subs.delete(sub);
    if (!this.id || unnamed) return;
    const frame: ClientFrame = { type: "unsubscribe", channel: sub.channel };
    if (sub.room) frame.room = sub.room;
    this.request(frame);
  }

  /**
   * Sends a frame that wants an answer, now or when connected, and again after a reconnect until the answer is there. A
   * publish should carry an idempotency key.
   */
  request(frame: ClientFrame): Request {
    const request = { frame, id: 0 };
    this.requests.add(request);
    if (this.link) this.send([this.numbered(request)]);
    return request;
  }

  /** Gives up waiting for an answer. */
  cancel(request: Request): void {
    this.requests.delete(request);
  }

  /** Sends a ping that reports what was received. */
  ping(): void {
    if (!this.link) return;
    const received = this.report();
    this.send([received === undefined ? { type: "ping" } : { type: "ping", received }]);
  }

  /**
   * The count to put in a frame that reports it: of the frames that the present link brought, or repeated. While a new link
   * still repeats what an older one brought, that is less than was handed on; the server has not written more to it.
   * Undefined while a connect with an older count is on its way: what is reported is forgotten, so it could not resume.
   */
  report(): number | undefined {
    return this.opening.link ? undefined : (this.acked = this.counted);
  }

  /** Subscribes again what the server refused for the moment. */
  retry(): void {
    for (const sub of this.subs) if (this.link && sub.refused) this.again(sub);
  }

  /** Tells the server that the session is over. */
  goodbye(): void {
    if (this.link) this.send([{ type: "disconnect" }]);
    this.forget();
  }

  /** Takes one frame from a link. Frames of links that no longer, or do not yet, carry the session are dropped. */
  frame(link: number, f: ServerFrame): void {
    if (f.type === "connected") {
      if (link === this.opening.link) this.onConnected(f);
    } else if (f.type === "disconnect") {
      if (link !== this.link && link !== this.opening.link) return;
      this.lost(link);
      this.port.disconnected(link, { ...f, message: f.reason });
    } else if (link === this.link && counted(f.type)) {
      this.counted = ++this.current.n;
      if (this.counted > this.received) {
        // else this link repeats what an older one brought
        this.received = this.counted;
        this.onCounted(f);
      }
      if (this.link === link && !this.opening.link && this.counted - this.acked >= ACK_EVERY) this.ping();
    }
  }

  private onConnected(f: ConnectedFrame): void {
    const resumed = f.resumed && f.session === this.id;
    this.current = this.opening;
    this.opening = NO_LINK;
    this.id = f.session;
    this.generation = f.generation;
    if (!resumed) {
      this.received = this.acked = this.current.n = 0;
      for (const sub of this.subs) if (sub.over) this.subs.delete(sub);
      for (const r of this.requests) if (isUnsubscribe(r)) this.requests.delete(r);
    }
    this.counted = this.current.n;
    const requests = [...this.requests];
    const out = requests.filter(isUnsubscribe).map((r) => this.numbered(r));
    for (const sub of this.subs) if (!resumed || !(sub.live || sub.over)) out.push(this.subscription(sub));
    out.push(...requests.filter((r) => !isUnsubscribe(r)).map((r) => this.numbered(r)));
    const { link } = this.current;
    for (let i = 0; i < out.length; i += MAX_FRAMES) this.send(out.slice(i, i + MAX_FRAMES));
    this.port.connected(link, f, resumed);
  }

  private onCounted(f: ServerFrame): void {
    switch (f.type) {
      case "message":
        return this.onMessage(f);
      case "subscribed":
        return this.onSubscribed(f);
      case "gap":
        return this.onGap(f);
      case "position": {
        const sub = this.settled(f);
        if (sub && !sub.cursor.skipped(f)) this.again(sub);
        return;
      }
      case "unsubscribed": {
        const sub = this.settled(f);
        if (sub) this.end(sub, f);
        return;
      }
      case "reply":
        return this.onAnswer(f.id, f, undefined);
      case "error":
        return f.id ? this.onError(f.id, f) : this.port.other(f);
      default:
        this.port.other(f);
    }
  }

  private onMessage(f: MessageFrame): void {
    const sub = this.settled(f);
    if (!sub) return;
    const verdict = sub.cursor.check(f);
    if (verdict === "missing") this.again(sub);
    if (verdict === "deliver") this.safely(() => this.port.message(sub, f));
    if (verdict === "deliver" || verdict === "seen") sub.cursor.moved(f);
  }

  private onSubscribed(f: SubscribedFrame): void {
    const sub = this.awaiting(f.id);
    if (!sub) return; // answers an older subscribe
    sub.pending = 0;
    sub.room = f.room ?? "";
    sub.live = true;
    if (sub.over) {
      sub.over = false;
      return this.unsubscribe(sub);
    }
    const gap = sub.cursor.subscribed(f, f.recovered, sub.told);
    if (gap) this.safely(() => this.port.gap(sub, gap));
    this.safely(() => this.port.subscribed(sub, f.recovered));
  }

  private onGap(f: GapFrame): void {
    const sub = f.id ? this.awaiting(f.id) : this.settled(f);
    if (!sub || sub.over) return;
    if (f.id) sub.told = true;
    const gap = sub.cursor.gapped(f.reason, f.from);
    this.safely(() => this.port.gap(sub, gap));
  }

  private onError(id: number, error: WireError): void {
    const sub = this.awaiting(id);
    if (!sub) return this.onAnswer(id, undefined, error);
    if (sub.over) return void this.subs.delete(sub);
    if (!error.retry) return this.end(sub, error);
    sub.pending = 0;
    sub.refused = true;
    this.port.retryLater();
  }

  private onAnswer(id: number, reply: ReplyFrame | undefined, error: WireError | undefined): void {
    for (const request of this.requests) {
      if (request.id !== id) continue;
      this.requests.delete(request);
      return this.safely(() => this.port.answered(request, reply, error));
    }
  }

  private end(sub: Subscription, error: WireError): void {
    this.subs.delete(sub);
    this.safely(() => this.port.ended(sub, error));
  }

  /** Subscribes from the cursor. */
  private again(sub: Subscription): void {
    this.send([this.subscription(sub)]);
  }

  private subscription(sub: Subscription): ClientFrame {
    sub.pending = ++this.lastID;
    sub.told = sub.refused = sub.live = false;
    const frame: ClientFrame = { type: "subscribe", id: sub.pending, channel: sub.channel };
    if (sub.filter) frame.filter = sub.filter;
    if (sub.cursor.position) frame.since = sub.cursor.position;
    return frame;
  }

  private numbered(request: Request): ClientFrame {
    return { ...request.frame, id: (request.id = ++this.lastID) };
  }

  private send(frames: ClientFrame[]): void {
    this.port.send(this.link, frames);
  }

  /** The subscription that waits for the answer `id`. */
  private awaiting(id: number): Subscription | undefined {
    for (const sub of this.subs) if (sub.pending === id) return sub;
    return undefined;
  }

  /** The subscription that a frame without id speaks of; none while a newer `subscribe` of it waits or was refused. */
  private settled({ channel, room = "" }: { channel: string; room?: string }): Subscription | undefined {
    // A filtered one has no room until it is named.
    for (const sub of this.subs) {
      if (sub.channel === channel && sub.room === room && (room || !sub.filter)) return sub.live ? sub : undefined;
    }
    return undefined;
  }

  private safely(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.port.fail(error);
    }
  }
}

const isUnsubscribe = (request: Request): boolean => request.frame.type === "unsubscribe";

const sameJSON = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
