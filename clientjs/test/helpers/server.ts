import type { ClientFrame, Position } from "../../src/core/frames.js";
import type { FakeLink, FakeNet } from "./net.js";

interface Kept extends Position {
  id: string;
  data: unknown;
  exclude?: string;
}

interface Channel {
  epoch: string;
  top: number;
  history: Kept[];
}

/** A filtered subscription: `{equals: {name: value}}` is all that this server understands. */
interface Room {
  channel: string;
  filter: { equals?: Record<string, unknown> };
  scope?: string;
  /** The offset of the last message that it was sent, or passed over. */
  told: number;
}

interface ServerSession {
  /** By the names that it gives them. */
  rooms: Map<string, Room>;
  id: string;
  generation: number;
  /** Of the last connect that resumed. */
  attempt: number;
  link: FakeLink | undefined;
  subs: Set<string>;
  /** The channels of which it hears who comes and goes. */
  watched: Set<string>;
  /** Counted frames that the client has not reported, and how many came before them. */
  unacked: object[];
  forgotten: number;
}

const top = (c: Channel): Position => ({ epoch: c.epoch, offset: c.top, tag: c.top ? `t${c.top}` : "" });

/**
 * As much of a server as the guarantee needs: sessions that resume, channels with history, publishes with one effect.
 */
export class FakeServer {
  readonly channels = new Map<string, Channel>();
  readonly sessions = new Map<string, ServerSession>();
  /** Says which frames a faulty server forgets to send. */
  swallow: (frame: object) => boolean = () => false;
  /** Who is in any channel. */
  present: { user: string }[] = [];
  /** What presence is answered with, if not with who is there. */
  forbidden: { code: string; retry: boolean } | undefined;
  /** What was called, in order; a call is answered with its data. */
  readonly calls: ClientFrame[] = [];
  /** Messages that history keeps. */
  keep = 1000;
  /** How long any token is good, in ms; undefined for ever. */
  ttl: number | undefined;
  /** The tokens of every connect and refresh. */
  readonly tokens: unknown[] = [];
  /** The channels that its rules forbid. */
  private readonly forbids = new Set<string>();
  /** The channels that it puts each client in. */
  private readonly puts = new Set<string>();
  private readonly effects = new Map<string, Kept>();
  private last = 0;

  constructor(net: FakeNet) {
    // Not at once: what the server answers must not come before what it is writing.
    net.onFrames = (link, frames) => queueMicrotask(() => frames.forEach((f) => this.frame(link, f)));
  }

  channel(name: string): Channel {
    let c = this.channels.get(name);
    if (!c) this.channels.set(name, (c = { epoch: `e${++this.last}`, top: 0, history: [] }));
    return c;
  }

  /** The broker lost its history. */
  wipe(name: string): void {
    const from = { epoch: `e${++this.last}`, offset: 0, tag: "" };
    this.channels.set(name, { epoch: from.epoch, top: 0, history: [] });
    for (const s of this.sessions.values()) {
      if (s.subs.has(name)) this.send(s, { type: "gap", channel: name, reason: "epoch_changed", from });
    }
  }

  /** Puts every client in a channel, those of now and of later. */
  put(name: string): void {
    this.puts.add(name);
    for (const s of this.sessions.values()) this.enter(s, name);
  }

  /** The rules change: nobody may hear a channel any more. */
  forbid(name: string): void {
    this.forbids.add(name);
    for (const s of this.sessions.values()) if (s.subs.delete(name)) this.send(s, { type: "unsubscribed", channel: name, code: "forbidden", message: "the rules changed", hint: "ask" });
  }

  /** The rules change back. */
  allow(name: string): void {
    this.forbids.delete(name);
  }

  /** Says a frame to every client. */
  say(frame: object): void {
    for (const s of this.sessions.values()) this.send(s, frame);
  }

  private enter(s: ServerSession, name: string): void {
    if (s.subs.has(name)) return;
    s.subs.add(name);
    this.send(s, { type: "subscribed", channel: name, by: "server", ...top(this.channel(name)), recovered: false });
  }

  /** Tells those who watch a channel. */
  news(channel: string, frame: { type: string; members?: object[]; count: number }): void {
    for (const s of this.sessions.values()) if (s.watched.has(channel)) this.send(s, { ...frame, channel });
  }

  publish(name: string, data: unknown, key?: string, exclude?: string): Kept {
    const effect = key === undefined ? undefined : this.effects.get(key);
    if (effect) return effect;
    const c = this.channel(name);
    const offset = ++c.top;
    const kept = { epoch: c.epoch, offset, tag: `t${offset}`, id: key ?? `m${++this.last}`, data, exclude };
    c.history.push(kept);
    if (c.history.length > this.keep) c.history.shift();
    if (key !== undefined) this.effects.set(key, kept);
    for (const s of this.sessions.values()) {
      if (s.subs.has(name)) this.message(s, name, kept);
      for (const [id, room] of s.rooms) if (room.channel === name) this.inRoom(s, id, room, kept);
    }
    return kept;
  }

  /** The session is gone: its time in the park ran out. */
  forget(): void {
    for (const s of this.sessions.values()) if (!s.link || s.link.closed) this.sessions.delete(s.id);
  }

  private frame(link: FakeLink, f: ClientFrame): void {
    if (f.type === "connect") return this.connect(link, f);
    const s = [...this.sessions.values()].find((x) => x.link === link);
    if (!s) return;
    if (typeof f.received === "number") this.ack(s, f.received);
    if (f.type === "ping") link.receive({ type: "pong" });
    if (f.type === "refresh") {
      this.tokens.push(f.token);
      this.send(s, { type: "reply", id: f.id, ttl: this.ttl });
    }
    if (f.type === "subscribe") this.subscribe(s, f);
    if (f.type === "presence") {
      const channel = f.channel as string;
      const { present, forbidden } = this;
      if (forbidden) return this.send(s, { type: "error", id: f.id, ...forbidden });
      if (f.users === "none") s.watched.delete(channel);
      else if (f.users) {
        s.watched.add(channel);
        this.send(s, { type: "presence", channel, members: present, count: present.length });
      }
      this.send(s, { type: "reply", id: f.id, members: present, count: present.length });
    }
    if (f.type === "unsubscribe") {
      if (f.room) s.rooms.delete(f.room as string);
      else s.subs.delete(f.channel as string);
      this.send(s, { type: "reply", id: f.id });
      if (this.puts.has(f.channel as string)) this.enter(s, f.channel as string);
    }
    if (f.type === "publish") {
      const { epoch, offset, tag } = this.publish(f.channel as string, f.data, f.idempotencyKey as string, f.exclude as string);
      this.send(s, { type: "reply", id: f.id, epoch, offset, tag });
    }
    if (f.type === "call") {
      this.calls.push(f);
      this.send(s, { type: "reply", id: f.id, data: f.data });
    }
    if (f.type === "disconnect") this.sessions.delete(s.id);
  }

  private connect(link: FakeLink, f: ClientFrame): void {
    const old = this.sessions.get(f.session as string);
    const received = f.received as number;
    const attempt = (f.attempt as number) ?? 0;
    const superseded = { type: "disconnect", code: "superseded", reason: "", retry: false };
    // It comes later than a newer one.
    if (old && (f.generation as number) < old.generation && attempt <= old.attempt) return link.receive(superseded);
    const resumed = !!old && received >= old.forgotten && received <= old.forgotten + old.unacked.length;
    const s: ServerSession = resumed
      ? old
      : { id: `s${++this.last}`, generation: 0, attempt: 0, link, subs: new Set(), rooms: new Map(), watched: new Set(), unacked: [], forgotten: 0 };
    if (old && !resumed) this.sessions.delete(old.id);
    old?.link?.receive(superseded);
    this.sessions.set(s.id, s);
    s.link = link;
    s.generation++;
    if (resumed) s.attempt = attempt;
    if (resumed) this.ack(s, received);
    this.tokens.push(f.token);
    link.accept({ session: s.id, resumed, generation: s.generation, ttl: this.ttl });
    for (const frame of [...s.unacked]) this.write(s, frame);
    if (!resumed) for (const name of this.puts) this.enter(s, name);
  }

  private ack(s: ServerSession, received: number): void {
    s.unacked.splice(0, Math.max(0, received - s.forgotten));
    s.forgotten = Math.max(s.forgotten, received);
  }

  private subscribe(s: ServerSession, f: ClientFrame): void {
    const name = f.channel as string;
    if (this.forbids.has(name)) return this.send(s, { type: "error", id: f.id, code: "forbidden", message: "the rules", hint: "ask", retry: false });
    const c = this.channel(name);
    const since = f.since as Position | undefined;
    const at = top(c);
    const oldest = c.top - c.history.length;
    const ok = since && since.epoch === c.epoch && since.offset <= c.top && (since.offset > oldest || since.offset === c.top || (since.offset === 0 && oldest === 0));
    if (f.filter || f.scope) {
      const filter = (f.filter ?? {}) as Room["filter"];
      // The order of conditions means nothing.
      const room = `${name}?${Object.entries(filter.equals ?? {}).sort()}${f.scope ? `.${f.scope}` : ""}`;
      const entry = { channel: name, filter, told: ok ? since.offset : c.top, ...(f.scope ? { scope: f.scope as string } : {}) };
      s.rooms.set(room, entry);
      if (since && !ok) this.send(s, { type: "gap", id: f.id, channel: name, room, reason: "history_expired", last: since, from: at });
      this.send(s, { type: "subscribed", id: f.id, channel: name, room, ...(ok ? since : at), recovered: !!ok });
      for (const kept of ok ? c.history : []) if (kept.offset > since!.offset) this.inRoom(s, room, entry, kept);
      if (ok) this.send(s, { type: "position", channel: name, room, ...at });
      return;
    }
    s.subs.add(name);
    s.watched.delete(name);
    if (ok) {
      this.send(s, { type: "subscribed", id: f.id, channel: name, ...since, recovered: true });
      for (const kept of c.history) if (kept.offset > since.offset) this.message(s, name, kept);
      return;
    }
    const reason = since?.epoch === c.epoch ? "history_expired" : "epoch_changed";
    if (since) this.send(s, { type: "gap", id: f.id, channel: name, reason, last: since, from: at });
    this.send(s, { type: "subscribed", id: f.id, channel: name, ...at, recovered: false });
  }

  private inRoom(s: ServerSession, name: string, room: Room, { offset, tag, id, data }: Kept): void {
    if (room.scope === "none" || !Object.entries(room.filter.equals ?? {}).every(([key, value]) => (data as any)?.[key] === value)) return;
    this.send(s, { type: "message", channel: room.channel, room: name, offset, tag, id, data, time: 0, prev: room.told });
    room.told = offset;
  }

  private message(s: ServerSession, channel: string, { offset, tag, id, data, exclude }: Kept): void {
    this.send(s, { type: "message", channel, offset, tag, id, data, time: 0, ...(exclude && { exclude }) });
  }

  private send(s: ServerSession, frame: object): void {
    if (this.swallow(frame)) return;
    s.unacked.push(frame);
    this.write(s, frame);
  }

  private write(s: ServerSession, frame: object): void {
    if (s.link?.closed) s.link = undefined;
    s.link?.receive(frame);
  }
}
