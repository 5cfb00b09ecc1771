import { jitter, type Clock } from "../util/clock.js";
import { NOT_HERE, SESSION_LOST, TAKEN_OVER, TOKEN_BAD, TOKEN_OVER } from "../core/codes.js";
import type { ClientFrame, ConnectedFrame, WireError } from "../core/frames.js";
import type { Request, Session } from "../core/session.js";
import { TidingsError } from "../core/errors.js";
import { createHeartbeat, PROBE } from "./heartbeat.js";
import { createMemory } from "./remembered.js";
import { createRace, type Attempt } from "./race.js";
import { createTokens } from "./tokens.js";
import { readError } from "../transports/post.js";
import type { LinkContext, Transport, TransportName } from "../transports/transport.js";
import type { FallbackReason, MessageBusOptions, State, Status } from "../types.js";

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
  /** The page is left: takes leave of the server, and connects no more until {@link Connector.release}. */
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
  /**
   * Asks `getToken`, and reports the token to the server: on the connection that stands, else by the next connect.
   * Rejects as `getToken` does.
   */
  refresh(): Promise<void>;
  /** The token's time is nearly over. */
  renew(): void;
}

/** A connection that lasted this long was a good one, in ms: how long to wait between attempts counts from its end. */
const STABLE = 10_000;
/** Connections of one transport in a row that did not last, before the next transport is preferred. */
const SHORT_LIVES = 3;
/** Until a better transport is tried again, in ms, give or take a quarter. Each time doubles it. */
const CLIMB = 5_000;
/** The same at most. */
const MAX_CLIMB = 300_000;

/** What the status says if no word of the server came. */
const LOST: WireError = {
  code: "lost",
  message: "The server was not reached.",
  retry: true,
};

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
  const race = createRace({
    clock,
    transports,
    context,
    rank,
    carrier: () => session.link,
    frames(id, frames) {
      if (id === session.link) heartbeat.heard();
      for (const frame of frames) if (links.has(id)) session.frame(id, frame);
    },
    chosen(id, name) {
      session.cancel(renewal); // the connect says it
      session.open(id, tokens.current(), reason(name), options.connectionId);
    },
    failed: fail,
    dropped(id, { connectedAt }) {
      if (connectedAt !== undefined) {
        heartbeat.stop();
        tokens.stop();
      }
      session.lost(id);
    },
    over: () => settle(),
  });
  const { links } = race;
  /** What was wrong with a transport when it was last tried. */
  const faults = new Map<TransportName, FallbackReason>();
  /** Connections of a transport in a row that did not last. */
  const shortLives = new Map<TransportName, number>();
  /** Since when there was no good connection; Infinity before the first attempt. */
  let downSince = Infinity;
  /** Since when the status has been `connected`, over whatever links. */
  let upSince = 0;
  /** Until the next attempt to connect. */
  let retryTimer: unknown;
  /** Until a better transport is tried. */
  let climbTimer: unknown;
  /** The token that the next attempt waits for. */
  let fetching: object | undefined;
  let climbIn = CLIMB;
  let climbedAt = 0;
  let away = false;
  /** The refresh that has no answer yet. */
  let renewal: Request | undefined;

  /** Returns how good a transport is: 0 is the best; one that is not wanted comes behind all others. */
  function rank(name: TransportName): number {
    const i = names.indexOf(name);
    return i < 0 ? names.length : i;
  }

  const current = (): Attempt | undefined => links.get(session.link);

  /** Returns the transports that are better than the one that carries the session; all of them if there is none. */
  function better(): readonly TransportName[] {
    const carrier = current();
    return carrier ? names.slice(0, rank(carrier.name)) : names;
  }

  /** Reports whether it has begun and is not closed. */
  const active = (): boolean => !["idle", "closed"].includes(status.state);

  function connect(): void {
    clock.clear(retryTimer);
    if (away) return set("waiting", status.error);
    dropOthers();
    downSince = Math.min(downSince, clock.now()); // also if the clock was set back
    if (!session.link) set("connecting", status.error);
    if (!tokens.due()) return begin();
    const turn = (fetching = {});
    tokens.fetch().then(
      () => turn === fetching && begin(),
      (cause) => {
        if (turn !== fetching) return;
        tokens.refused(TOKEN_BAD);
        settle({ code: TOKEN_BAD, message: `getToken failed: ${cause}`, retry: true });
      },
    );
  }

  /** Starts a row: what worked on this network first, then from the best on. */
  function begin(): void {
    const known = session.link ? undefined : memory.recall();
    climbedAt = clock.now();
    race.begin([...better()].sort((a, b) => +(b === known) - +(a === known)));
  }

  /** Returns why it is `name` and no better transport. */
  function reason(name: TransportName): FallbackReason | undefined {
    if (name === "websocket") return undefined;
    const best = names[0] as TransportName;
    if (best === name) return "chosen";
    return faults.get(best) ?? ([...links.values()].some((a) => a.name === best) ? "unproven" : "remembered");
  }

  /** Every candidate has failed: waits for the next row, or goes on with what it has. */
  function settle(error?: WireError): void {
    if (session.link) return climbLater();
    wait(error);
    if (!error) void ask();
  }

  /** A browser hides why it could not open a WebSocket, or make a request to another origin. A plain GET reveals it. */
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
    clock.clear(climbTimer);
    climbTimer = clock.set(climb, climbIn * (0.75 + random() / 2));
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
    race.connected(link, attempt);
    faults.delete(name);
    memory.keep(name);
    tokens.taken(frame.ttl);
    heartbeat.start(frame.heartbeat ?? 25_000);
    const fallback = reason(name);
    set("connected", null, name, fallback);
    if (links.size > 1) race.choose();
    else climbLater();
  }

  function fail(id: number, error?: WireError, fault: FallbackReason = "refused"): void {
    const attempt = links.get(id);
    if (!attempt) return;
    const { name, connectedAt } = attempt;
    if (!error && connectedAt !== undefined) heartbeat.cut();
    race.drop(id);
    if (error && SESSION_LOST.includes(error.code)) session.forget();
    // By our own next link: `connected` is on its way, or it failed before it heard of it. Or by another copy of its connect.
    const moved = !!error && TAKEN_OVER.includes(error.code) && (id !== race.opened || connectedAt === undefined);
    if (moved) error = undefined;
    const elsewhere = connectedAt === undefined && (!error || NOT_HERE.includes(error.code));
    if (error && !tokens.refused(error.code) && (!error.retry || error.code === TOKEN_OVER) && !elsewhere) return close(error);
    if (connectedAt !== undefined) {
      judge(name, connectedAt);
      // A link that was given up had taken the session along: the server is there.
      if (links.size) {
        if (!session.link && !moved) set("connecting", status.error); // the next link is on its way
      } else if (moved) connect();
      else wait(error);
      return;
    }
    faults.set(name, fault);
    // The proof of a link that was chosen was worth nothing: goes on behind it.
    if (elsewhere) return race.next(id === race.opened ? better().slice(rank(name) + 1) : undefined);
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
    clock.clear(retryTimer);
    if (away) return;
    retryTimer = clock.set(connect, error?.after === undefined ? jitter(clock.now() - downSince, random) : random() * error.after);
  }

  /** Drops every link, or every one but that which carries the session, and what was about to be tried. */
  function dropOthers(but = session.link): void {
    clock.clear(retryTimer);
    clock.clear(climbTimer);
    fetching = undefined;
    race.dropAllBut(but);
  }

  async function refresh(): Promise<void> {
    await tokens.fetch();
    session.cancel(renewal);
    renewal = session.request({ type: "refresh", token: tokens.current() ?? null });
    renewal.done = (reply, error) => (reply ? tokens.taken(reply.ttl as number | undefined) : fail(session.link, error));
  }

  /**
   * If there is no token to be had now, the next one is asked for when the server says that the time is over, and then
   * by connects.
   */
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
      away = true;
      session.goodbye();
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
