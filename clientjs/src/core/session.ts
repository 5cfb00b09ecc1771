import { createCursor, same } from "./cursor.js";
import type { Request, SessionPort, Subscription } from "./port.js";
import { ACK_EVERY, MAX_FRAMES, MAX_PINGS, VERSION, counted, keyOf } from "./frames.js";
import type { ClientFrame, ConnectedFrame, GapFrame, MessageFrame, Position, ReplyFrame, ServerFrame, SubscribedFrame, WireError } from "./frames.js";

export type { Request, SessionPort, Subscription } from "./port.js";

interface LinkState {
  link: number;
  /** Counted frames of the session up to and with the last on this link. */
  n: number;
}

const NO_LINK: LinkState = { link: 0, n: 0 };

/**
 * A client's side of the protocol as a pure state machine: one session over a row of links, each of which is a
 * transport that its program opened. It counts frames, resumes, subscribes again, checks continuity, and reports one
 * gap if that fails. SPEC.md sections 7 and 10; `core/client.go` is the same machine in Go, and both replay the same
 * traces.
 */
export interface Session {
  /** The secret by which the connection can be taken up again; empty before the first `connected`. */
  readonly id: string;
  /** The link that carries the session, 0 for none. */
  readonly link: number;
  /**
   * Takes a new link, numbered from 1 and never reused, and sends `connect` over it. The link that carries the session
   * goes on until the answer comes (make before break). `fallback` says why it is not the best transport,
   * `connectionId` how the application knows the page.
   */
  open(link: number, token?: string, fallback?: string, connectionId?: string, max?: number): void;
  /** A link failed or was closed. */
  lost(link: number): void;
  /** Abandons the session: the next link starts a new one, and every subscription recovers from its cursor. */
  forget(): void;
  /**
   * Makes the next `connect` end the session `id` of another client: with a count that the server never reached it
   * cannot resume.
   */
  replaces(id: string): void;
  /** Makes a subscription, from `since` if it is given. One per channel, filter and scope. */
  subscribe(channel: string, since?: Position, filter?: unknown, scope?: string): Subscription;
  /** Ends a subscription; nothing more is handed out for it. */
  unsubscribe(sub: Subscription): void;
  /**
   * Sends a frame that wants an answer, now or when connected, and again after a reconnect until the answer is there. A
   * publish should carry an idempotency key.
   */
  request(frame: ClientFrame): Request;
  /** Stops waiting for an answer. */
  cancel(request: Request | undefined): void;
  /**
   * Sends a ping that reports what was received. A `subscribe` that is still without an answer at the third ping after it is
   * sent again.
   */
  ping(): void;
  /**
   * The count to put in a frame that reports it: of the frames that the present link brought, or repeated. While a new
   * link still repeats what an older one brought, that is less than was handed on; the server has not written more to
   * it. Undefined while a connect with an older count is on its way: what is reported is forgotten, so it could not
   * resume.
   */
  report(): number | undefined;
  /** Subscribes again what the server refused for the moment. */
  retry(): void;
  /** Subscribes again what the server's rules ended. */
  ask(): void;
  /** Subscribes again what has had no answer since before the last call: it was lost on its way. */
  nudge(): void;
  /** A request or `subscribe` failed on its way to the server. */
  refused(id: number, error: WireError): void;
  /** Reports to the server that the session is over. */
  goodbye(): void;
  /** Takes one frame from a link. Frames of links that no longer, or do not yet, carry the session are dropped. */
  frame(link: number, f: ServerFrame): void;
}

/** Makes a session that has no link yet. */
export function createSession(port: SessionPort): Session {
  let session = "";
  let generation = 0;
  /** The highest number of a frame that was handed on. */
  let received = 0;
  /** The number of the last frame on the link that carries, or last carried, the session: what is reported. */
  let count = 0;
  /** What was last reported. */
  let acked = 0;
  let current = NO_LINK;
  let opening = NO_LINK;
  let lastID = 0;
  /** The last id at the time of the last nudge. */
  let nudged = 0;
  /** Of resuming, counted for the server. */
  let attempts = 0;
  const subs = new Set<Subscription>();
  const requests = new Set<Request>();

  function open(link: number, token?: string, fallback?: string, connectionId?: string, max?: number): void {
    opening = { link, n: count };
    const resume = session && { session, received: count, generation, attempt: ++attempts };
    port.send(link, [{ type: "connect", version: VERSION, token: token || undefined, fallback, connectionId, max, ...(resume || {}) }]);
  }

  function lost(link: number): void {
    if (current.link === link) current = NO_LINK;
    if (opening.link === link) opening = NO_LINK;
  }

  function forget(): void {
    session = "";
    current = opening = NO_LINK;
  }

  function replaces(id: string): void {
    session = id;
    count = Number.MAX_SAFE_INTEGER;
  }

  function subscribe(channel: string, since?: Position, filter?: unknown, scope?: string): Subscription {
    // The new subscription replaces the old one at the server: an unsubscribe that would be sent again would end it.
    for (const r of requests) {
      if (isUnsubscribe(r) && r.frame.channel === channel && !filter && !scope && !r.frame.room) requests.delete(r);
    }
    for (const s of subs) if (s.over && keyOf(s) === keyOf({ channel, filter, scope })) subs.delete(s);
    const sub: Subscription = { channel, filter, scope, cursor: createCursor(since), room: "", pending: 0, pings: 0, tries: 0 };
    subs.add(sub);
    if (current.link) again(sub);
    return sub;
  }

  function unsubscribe(sub: Subscription): void {
    if (!subs.has(sub) || sub.over) return;
    const unnamed = (sub.filter || sub.scope) && !sub.room;
    if (unnamed && sub.pending) {
      sub.over = true;
      return;
    }
    subs.delete(sub);
    // Another filter may mean the same, and have the same room.
    if (!session || unnamed || (sub.room && [...subs].some((s) => s.channel === sub.channel && s.room === sub.room))) return;
    request({ type: "unsubscribe", channel: sub.channel, room: sub.room || undefined });
  }

  function request(frame: ClientFrame): Request {
    const request: Request = { frame, id: 0 };
    requests.add(request);
    if (current.link) send([numbered(request)]);
    return request;
  }

  function cancel(request: Request | undefined): void {
    requests.delete(request as Request);
  }

  function ping(): void {
    if (!current.link) return;
    send([{ type: "ping", received: report() }]);
  }

  /** The link lives, but the answer of a `subscribe` may have been lost on the way: at the third ping it is sent again. */
  function beat(): void {
    if (!current.link) return;
    ping();
    for (const sub of subs) if (sub.pending && ++sub.pings === MAX_PINGS) again(sub);
  }

  function report(): number | undefined {
    return opening.link ? undefined : (acked = count);
  }

  function retry(): void {
    for (const sub of subs) if (current.link && sub.refused) again(sub);
  }

  function goodbye(): void {
    if (current.link) send([{ type: "disconnect" }]);
    forget();
  }

  function frame(link: number, f: ServerFrame): void {
    if (f.type === "connected") {
      if (link === opening.link) onConnected(f);
    } else if (f.type === "disconnect") {
      if (link !== current.link && link !== opening.link) return;
      lost(link);
      port.disconnected(link, { ...f, message: f.reason });
    } else if (link === current.link && counted(f.type)) {
      count = ++current.n;
      if (count > received) {
        // else this link repeats what an older one brought
        received = count;
        onCounted(f);
      }
      if (current.link === link && !opening.link && count - acked >= ACK_EVERY) ping();
    }
  }

  function onConnected(f: ConnectedFrame): void {
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

  function onCounted(f: ServerFrame): void {
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
        return ended.length ? undefined : port.other(f);
      }
      case "reply":
        return onAnswer(f.id, f, undefined);
      case "error":
        return f.id ? onError(f.id, f) : port.other(f);
      default:
        port.other(f);
    }
  }

  function onMessage(f: MessageFrame): void {
    for (const sub of settled(f)) {
      const verdict = sub.cursor.check(f);
      if (verdict === "missing") hole(sub);
      if (verdict === "deliver") port.message(sub, f);
      if (verdict === "deliver" || verdict === "seen") sub.cursor.moved(f);
    }
  }

  function onSubscribed(id: number, f: SubscribedFrame): void {
    const sub = awaiting(id);
    if (!sub) return; // answers an older subscribe
    sub.pending = 0;
    sub.room = f.room ?? "";
    // Its room was left for another filter's sake while this was on its way.
    if (f.room && [...requests].some((r) => isUnsubscribe(r) && r.frame.channel === f.channel && r.frame.room === f.room)) return again(sub);
    sub.live = true;
    if (sub.over) {
      sub.over = false;
      return unsubscribe(sub);
    }
    const gap = sub.cursor.subscribed(f, f.recovered, sub.told);
    if (gap) port.gap(sub, gap);
    port.subscribed(sub, f.recovered);
    sub.ended = undefined;
    sub.tries = 0;
  }

  function onGap(f: GapFrame): void {
    for (const sub of f.id ? [awaiting(f.id)] : settled(f)) {
      if (!sub || sub.over) continue;
      if (f.id) sub.told = true;
      port.gap(sub, sub.cursor.gapped(f.reason, f.from));
    }
  }

  function onError(id: number, error: WireError): void {
    const sub = awaiting(id);
    if (!sub) return onAnswer(id, undefined, error);
    if (sub.over) return void subs.delete(sub);
    // Superseded: by another filter that means the same, and has the room.
    if (!error.retry && error.code !== "superseded") return end(sub, error);
    sub.pending = 0;
    sub.refused = true;
    port.retryLater();
  }

  function onAnswer(id: number, reply: ReplyFrame | undefined, error: WireError | undefined): void {
    const request = [...requests].find((r) => r.id === id);
    if (request && requests.delete(request)) port.answered(request, reply, error);
  }

  /**
   * Forgets `sub`. But rules that forbid what has a position, which they allowed before, may allow it again: then it is
   * asked for at times, from its cursor, and the program hears once that it ended.
   */
  function end(sub: Subscription, error: WireError): void {
    const { ended } = sub;
    sub.ended = undefined;
    if (error.code === "forbidden" && sub.cursor.position) {
      sub.ended = error;
      sub.live = false;
      sub.pending = 0;
      port.askLater(sub.tries++);
      if (ended) return;
    } else subs.delete(sub);
    port.ended(sub, error);
  }

  /**
   * A message does not follow. The first time it is asked for at once; if it is missing again at the same place,
   * something on the way takes it: then after waits that grow.
   */
  function hole(sub: Subscription): void {
    const at = sub.cursor.position as Position;
    sub.holes = sub.hole && same(sub.hole, at) ? (sub.holes ?? 0) + 1 : 1;
    sub.hole = at;
    if (sub.holes === 1) return again(sub);
    sub.live = false;
    sub.refused = true;
    port.retryLater(sub.holes);
  }

  /** Subscribes from the cursor. */
  function again(sub: Subscription): void {
    send([subscription(sub)]);
  }

  function subscription(sub: Subscription): ClientFrame {
    sub.pending = ++lastID;
    sub.pings = 0;
    sub.told = sub.refused = sub.live = false;
    return { type: "subscribe", id: sub.pending, channel: sub.channel, filter: sub.filter, scope: sub.scope, since: sub.cursor.position };
  }

  function numbered(request: Request): ClientFrame {
    return { ...request.frame, id: (request.id = ++lastID) };
  }

  function send(frames: ClientFrame[]): void {
    port.send(current.link, frames);
  }

  /** The subscription that waits for the answer `id`. */
  const awaiting = (id: number): Subscription | undefined => [...subs].find((s) => s.pending === id);

  // The subscriptions that a frame without id speaks of; not while a newer `subscribe` of one waits or was refused. Filters
  // that are equal and not written alike have one room, and are one subscription at the server.
  const settled = ({ channel, room = "" }: { channel: string; room?: string }): Subscription[] =>
    [...subs].filter((s) => s.live && s.channel === channel && s.room === room);

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
    report,
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
    frame,
  };
}

const isUnsubscribe = (request: Request): boolean => request.frame.type === "unsubscribe";
