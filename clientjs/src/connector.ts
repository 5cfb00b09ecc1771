import { jitter, type Clock } from "./clock.js";
import { NOT_HERE, SESSION_LOST, TAKEN_OVER, TOKEN_BAD, TOKEN_OVER } from "./core/codes.js";
import type { ClientFrame, ConnectedFrame, WireError } from "./core/frames.js";
import type { Request, Session } from "./core/session.js";
import { TidingsError } from "./errors.js";
import { createHeartbeat, PROBE } from "./heartbeat.js";
import { createMemory } from "./memory.js";
import { createTokens } from "./tokens.js";
import { readError } from "./transports/http.js";
import type { Link, LinkContext, Transport, TransportName } from "./transports/transport.js";
import type { FallbackReason, MessageBusOptions, State, Status } from "./types.js";

/** What a connector needs. */
export interface ConnectorConfig {
  readonly options: MessageBusOptions;
  readonly clock: Clock;
  readonly random: () => number;
  readonly transports: Readonly<Record<TransportName, Transport>>;
  /** The transports to try, best first. */
  readonly names: readonly TransportName[];
}

/** Keeps a link open: chooses the transport, waits between attempts, and hears when a link is dead. */
export interface Connector {
  readonly status: Status;
  /** Connects, unless that is done or under way. */
  start(): void;
  /** The network may be back: connects at once, or asks what is open whether it lives. */
  wake(): void;
  /** The page is left: says goodbye, and connects no more until {@link Connector.release}. */
  leave(): void;
  /** Ends `leave` and `cut(true)`. */
  release(): void;
  /** Drops every link as if the network had failed, and stays offline until `release` if `hold`. */
  cut(hold?: boolean): void;
  /** Goes over to these transports; what is open goes on until one of them works. */
  use(names: readonly TransportName[]): void;
  /** Ends for good. */
  close(error: WireError | null): void;
  /** Writes frames to a link that the session named. */
  send(link: number, frames: ClientFrame[]): void;
  /** The session goes over `link` now. */
  connected(link: number, frame: ConnectedFrame): void;
  /** A link is over, by the network or by the server's word. */
  fail(link: number, error?: WireError): void;
  /** Asks `getToken`, and tells the server: on the connection that stands, else by the next connect. Rejects as `getToken` does. */
  refresh(): Promise<void>;
  /** The token's time is nearly over. */
  renew(): void;
}

/** How long a transport has to prove itself, and then to bring `connected`, in ms. */
const PROOF = 3_000;
/** The same at most, in ms: the server holds a stream that proves itself for 10 s, and what comes with its end proves nothing. */
const MAX_PROOF = 9_000;
/** How long a candidate goes alone before the next one starts, in ms. */
const HEAD_START = 300;
/** How long a candidate that has proven itself waits for a better one that is still at it, from the first one's start, in ms. */
const GRACE = 600;
/** A connection that lasted this long was a good one, in ms: how long to wait between attempts counts from its end. */
const STABLE = 10_000;
/** Connections of one transport in a row that did not last, before the next transport is preferred. */
const SHORT_LIVES = 3;
/** Until a better transport is tried again, in ms, give or take a quarter. Each time doubles it. */
const CLIMB = 5_000;
/** The same at most. */
const MAX_CLIMB = 300_000;

/** What the status says where no word of the server came. */
const LOST: WireError = {
  code: "lost",
  message: "The server was not reached.",
  retry: true,
};

interface Attempt {
  readonly name: TransportName;
  link?: Link;
  deadline?: unknown;
  /** A frame came back over it. */
  proven?: boolean;
  connectedAt?: number;
}

/** Makes a connector that carries `session`. */
export function createConnector(config: ConnectorConfig, session: Session, onStatus: (status: Status) => void): Connector {
  const { clock, random, transports, options } = config;
  const { fetch = globalThis.fetch, WebSocket = globalThis.WebSocket } = options;
  const url = (options.url ?? "/bus").replace(/\/+$/, "");
  let { names } = config;
  const tokens = createTokens(options, clock, random, renew);
  const memory = createMemory(url, clock);
  const context: LinkContext = {
    url,
    clock,
    random,
    WebSocket,
    fetch,
    token: tokens.current,
    received: session.report,
    sends: {},
  };
  const heartbeat = createHeartbeat(clock, random, session.ping, () => fail(session.link));
  let status: Status = { state: "idle", transport: null, error: null };
  const links = new Map<number, Attempt>();
  let lastLink = 0;
  /** The link that `connect` went over and that has no answer yet; 0 for none. */
  let opening = 0;
  /** The last link that `connect` went over. */
  let opened = 0;
  /** Candidates that have not started yet, and when the first one did. */
  let row: readonly TransportName[] = [];
  let rowStart = 0;
  /** What was wrong with a transport when it was last tried. */
  const faults = new Map<TransportName, FallbackReason>();
  /** Connections of a transport in a row that did not last. */
  const shortLives = new Map<TransportName, number>();
  /** Since when there was no good connection; Infinity before the first attempt. */
  let downSince = Infinity;
  /** Since when the status has been `connected`, over whatever links. */
  let upSince = 0;
  /** Until the next thing to do: the next candidate, a choice, an attempt, a climb. */
  let timer: unknown;
  /** How long a transport has for its proof; longer after a row in which all failed, so that a slow network gets through in the end. */
  let proof = PROOF;
  let climbIn = CLIMB;
  let climbedAt = 0;
  let held = false;
  /** The refresh that has no answer yet. */
  let renewal: Request | undefined;

  /** How good a transport is, 0 the best; one that is not wanted comes far behind. */
  const rank = (name: TransportName): number => names.indexOf(name) >>> 0;
  const current = (): Attempt | undefined => links.get(session.link);
  /** The transports that are better than the one that carries the session, all where there is none. */
  const better = (): readonly TransportName[] => names.slice(0, rank(current()?.name as TransportName));
  /** It has begun and is not closed. */
  const active = (): boolean => !["idle", "closed"].includes(status.state);

  /** Takes a link for failed when its proof, or `connected`, does not come. */
  const deadline = (id: number): unknown => clock.set(() => fail(id, undefined, "unproven"), proof);

  function later(ms: number, callback: () => void): void {
    clock.clear(timer);
    timer = clock.set(callback, ms);
  }

  function connect(): void {
    clock.clear(timer);
    if (held) return set("waiting", status.error);
    dropOthers();
    downSince = Math.min(downSince, clock.now()); // also where the clock was set back
    if (!session.link) set("connecting", status.error);
    if (!tokens.due()) return begin();
    const id = ++lastLink;
    links.set(id, { name: "poll" }); // a place in the row, so that what comes between gives it up
    tokens.fetch().then(
      () => links.delete(id) && begin(),
      (cause) => fail(id, { code: TOKEN_BAD, message: `getToken failed: ${cause}`, retry: true }),
    );
  }

  /** Starts a row: what worked on this network first, then from the best on. */
  function begin(): void {
    const known = session.link ? undefined : memory.recall();
    row = [...better()].sort((a, b) => +(b === known) - +(a === known));
    rowStart = climbedAt = clock.now();
    next();
  }

  /** Tries the next transport of the row. */
  function next(): void {
    const [name, ...rest] = row;
    if (!name) return choose();
    row = rest;
    const id = ++lastLink;
    const attempt: Attempt = { name, deadline: deadline(id) };
    links.set(id, attempt);
    later(HEAD_START, next);
    try {
      attempt.link = transports[name](context, {
        open() {
          attempt.proven = true;
          choose();
        },
        lost: (error) => fail(id, error),
        frames(frames) {
          if (id === session.link) heartbeat.heard();
          for (const frame of frames) if (links.has(id)) session.frame(id, frame);
        },
      });
    } catch {
      fail(id); // a URL or a page that this transport cannot go with
    }
  }

  /** Opens the session over the best candidate that has proven itself, unless a better one may still do so in time. */
  function choose(): void {
    if (opening) return;
    const candidates = [...links].filter(([id]) => id !== session.link).sort(([, a], [, b]) => rank(a.name) - rank(b.name));
    const patience = rowStart + GRACE - clock.now();
    for (const [id, { name, proven }] of candidates) {
      if (proven) return open(id, name);
      if (patience > 0 && candidates.some(([, a]) => a.proven)) return later(patience, choose);
    }
    if (!candidates.length && !row.length) settle();
  }

  function open(id: number, name: TransportName): void {
    const attempt = links.get(id) as Attempt;
    opening = opened = id;
    row = [];
    for (const [other, a] of links) if (other !== session.link && rank(a.name) > rank(name)) drop(other);
    clock.clear(timer);
    clock.clear(attempt.deadline);
    attempt.deadline = deadline(id);
    session.cancel(renewal); // the connect says it
    session.open(id, tokens.current(), reason(name), options.connectionId);
  }

  /** Says why `name` and no better transport. */
  function reason(name: TransportName): FallbackReason | undefined {
    if (name === "websocket") return undefined;
    const best = names[0] as TransportName;
    if (best === name) return "chosen";
    return faults.get(best) ?? ([...links.values()].some((a) => a.name === best) ? "unproven" : "remembered");
  }

  /** Every candidate has failed: waits for the next row, or goes on with what it has. */
  function settle(error?: WireError): void {
    if (session.link) climbLater();
    else {
      proof = Math.min(proof * 2, MAX_PROOF);
      wait(error);
      if (!error) void ask();
    }
  }

  /** A browser hides why it could not open a WebSocket, or make a request to another origin. A plain GET tells. */
  async function ask(): Promise<void> {
    try {
      const error = await readError(await fetch(url));
      if (error && !error.retry && !NOT_HERE.includes(error.code) && !session.link) close(error);
    } catch {
      // The server is not reached.
    }
  }

  function climbLater(): void {
    if (!better().length) return;
    later(climbIn * (0.75 + random() / 2), climb);
    climbIn = Math.min(climbIn * 2, MAX_CLIMB);
  }

  /** Tries for a better transport, while the present one goes on. */
  function climb(): void {
    if (status.state === "connected" && links.size === 1 && better().length) begin();
  }

  function connected(link: number, frame: ConnectedFrame): void {
    const attempt = links.get(link);
    if (!attempt) return;
    const { name } = attempt;
    opening = 0;
    clock.clear(attempt.deadline);
    attempt.connectedAt = clock.now();
    for (const [id, a] of links) if (id !== link && (a.connectedAt !== undefined || rank(a.name) >= rank(name))) drop(id);
    faults.delete(name);
    proof = PROOF;
    memory.keep(name);
    tokens.taken(frame.ttl);
    heartbeat.start(frame.heartbeat ?? 25_000);
    const fallback = reason(name);
    set("connected", null, name, fallback);
    if (links.size > 1) choose();
    else climbLater();
  }

  function fail(id: number, error?: WireError, fault: FallbackReason = "refused"): void {
    const attempt = links.get(id);
    if (!attempt) return;
    const { name, connectedAt } = attempt;
    const wasOpening = id === opening;
    if (!error && connectedAt !== undefined) heartbeat.cut();
    drop(id);
    if (error && SESSION_LOST.includes(error.code)) session.forget();
    // By our own next link: `connected` is on its way, or it failed before it heard of it.
    const moved = !!error && TAKEN_OVER.includes(error.code) && id !== opened;
    if (moved) error = undefined;
    const elsewhere = connectedAt === undefined && (!error || NOT_HERE.includes(error.code));
    if (error && !tokens.refused(error.code) && (!error.retry || error.code === TOKEN_OVER) && !elsewhere) return close(error);
    if (connectedAt !== undefined) {
      judge(name, connectedAt);
      // A link that was given up had taken the session along: the server is there.
      if (!links.size) moved ? connect() : wait(error);
      else if (!session.link && !moved) set("connecting", status.error); // the next link is on its way
      return;
    }
    faults.set(name, fault);
    if (wasOpening) row = better().slice(rank(name) + 1); // its proof was worth nothing
    if (elsewhere) return row.length ? next() : choose();
    dropOthers(); // the server's word, whatever the transport
    settle(error);
  }

  /** Learns from how long a connection lasted. */
  function judge(name: TransportName, connectedAt: number): void {
    if (clock.now() - connectedAt >= STABLE) {
      shortLives.delete(name);
      if (!rank(name)) climbIn = CLIMB;
      return;
    }
    const n = (shortLives.get(name) ?? 0) + 1;
    shortLives.set(name, n);
    if (n >= SHORT_LIVES) {
      memory.keep(names[(rank(name) + 1) % names.length] as TransportName);
      faults.set(name, "unstable");
    }
  }

  function wait(error?: WireError): void {
    set("waiting", new TidingsError(error ?? LOST));
    clock.clear(timer);
    if (held) return;
    later(error?.after === undefined ? jitter(clock.now() - downSince, random) : random() * error.after, connect);
  }

  function drop(id: number): void {
    const attempt = links.get(id);
    links.delete(id);
    if (id === opening) opening = 0;
    clock.clear(attempt?.deadline);
    if (attempt?.connectedAt !== undefined) {
      heartbeat.stop();
      tokens.stop();
    }
    session.lost(id);
    attempt?.link?.close();
  }

  /** Drops every link, or every one but that which carries the session. */
  function dropOthers(but = session.link): void {
    clock.clear(timer);
    row = [];
    for (const id of [...links.keys()]) if (id !== but) drop(id);
  }

  async function refresh(): Promise<void> {
    await tokens.fetch();
    session.cancel(renewal);
    renewal = session.request({ type: "refresh", token: tokens.current() ?? null });
    renewal.done = (reply, error) => (reply ? tokens.taken(reply.ttl as number | undefined) : fail(session.link, error));
  }

  /** Where there is no token to be had now, the next one is asked for when the server says that the time is over, and then by connects. */
  function renew(): void {
    refresh().catch(() => {});
  }

  function close(error: WireError | null): void {
    if (status.state === "closed") return;
    if (error) session.forget();
    else session.goodbye();
    dropOthers(0);
    set("closed", error && new TidingsError(error));
  }

  function set(state: State, error: TidingsError | null = null, transport: TransportName | null = null, fallback?: FallbackReason): void {
    if (status.state !== "connected") upSince = clock.now();
    else if (!transport && clock.now() - upSince >= STABLE) downSince = clock.now();
    status = { state, transport, error, ...(fallback && { fallback }) };
    onStatus(status);
  }

  function wake(): void {
    if (status.state === "waiting") connect();
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
      held = true;
      session.goodbye();
      dropOthers(0);
      if (active()) set("waiting");
    },
    release() {
      held = false;
      wake();
    },
    cut(hold = held) {
      held = hold;
      dropOthers();
      if (links.size) fail(session.link);
      else if (active()) wait();
    },
    use(list) {
      names = list;
      faults.clear();
      if (active()) connect();
    },
    close,
    send(link, frames) {
      heartbeat.sent();
      links.get(link)?.link?.send(frames);
    },
    connected,
    fail,
    refresh,
    renew,
  };
}
