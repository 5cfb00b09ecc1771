import { backoff, jitter } from "../util/clock.js";
import { NOT_HERE, SESSION_LOST, TAKEN_OVER, TOKEN_BAD, TOKEN_OVER } from "../core/codes.js";
import type { ConnectedFrame, WireError } from "../core/frames.js";
import type { Request, Session } from "../core/session.js";
import { TidingsError } from "../core/errors.js";
import { LOST, type Connector, type ConnectorConfig } from "./carrier.js";
import { baseOf } from "./base.js";
import { createHeartbeat, PROBE } from "./heartbeat.js";
import { createMemory } from "./remembered.js";
import { HOLE, MUTE, SHORT_LIFE, createReputation } from "./reputation.js";
import { createRace, type Attempt } from "./race.js";
import { createTokens } from "./tokens.js";
import { FOREIGN, readError } from "../transports/post.js";
import type { LinkContext, TransportName } from "../transports/transport.js";
import type { FallbackReason, State, Status } from "../types.js";

/** A connection that lasted this long was a good one, in ms: how long to wait between attempts counts from its end. */
const STABLE = 10_000;
/** Bytes of a poll's answer: a quarter of this is asked for when the first was cut, and in the end this little. */
const FIRST_ANSWER = 65_536;
const MIN_ANSWER = 1_024;
/** Until a transport is tried again that works and then goes mute, or leaves something out, in ms at least. */
const MUTE_CLIMB = 60_000;
/**
 * So many fruitless connections make the wait 6 to 13 s: as long as it is if something else answers in the server's
 * place.
 */
const SLOW = 6;
/** Until a better transport is tried again, in ms, give or take a quarter. Each time doubles it. */
const CLIMB = 5_000;
/** The same at most. */
const MAX_CLIMB = 300_000;

/** Makes a connector that carries `session`. */
export function createConnector(config: ConnectorConfig, session: Session, onStatus: (status: Status) => void): Connector {
  const { clock, random, transports, options } = config;
  const { fetch = globalThis.fetch, WebSocket = globalThis.WebSocket } = options;
  const url = baseOf(options.url ?? "/bus");
  let { names } = config;
  const tokens = createTokens(options, clock, random, renew);
  // What works of transports that the program chose says nothing about what is best here.
  const reputation = createReputation(createMemory(url, clock, () => !options.transports && names === config.names));
  const context: LinkContext = {
    url,
    clock,
    random,
    WebSocket,
    fetch,
    token: tokens.current,
    received: session.report,
    refused: session.refused,
    credentials: options.credentials,
    sends: {},
  };
  const heartbeat = createHeartbeat({ clock, random, ping: session.ping, nudge: session.nudge, doubt, dead: () => fail(session.link) });
  let status: Status = { state: "idle", transport: null, error: null };
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
      session.cancel(renewal); // the connect says it
      session.open(id, tokens.current(), reason(name), options.connectionId, name === "poll" ? context.max : undefined);
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
  /** Connections in a row that brought nothing and did not last. */
  let fruitless = 0;
  /** The console has been told that something else answers in the server's place. */
  let warned = false;
  /** The transport that carries the session, if nothing is heard of it: it takes part in a race for its own place. */
  let suspect: TransportName | undefined;
  /** Since when no connection was a good one or brought a message; Infinity before the first attempt. */
  let downSince = Infinity;
  /** Since when the status has been `connected`, over whatever links. */
  let upSince = 0;
  /** Until the next attempt to connect. */
  let retryTimer: unknown;
  /** Until a better transport is tried. */
  let climbTimer: unknown;
  /** The token that the next attempt waits for. */
  let fetching: { since: number } | undefined;
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

  const current = (): Attempt | undefined => (suspect ? undefined : links.get(session.link));

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
    const turn = (fetching = { since: clock.now() });
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
    const known = current() ? undefined : reputation.recall();
    climbedAt = clock.now();
    race.begin([...better()].sort((a, b) => +(b === known) - +(a === known)));
  }

  /** Returns why it is `name` and no better transport. */
  function reason(name: TransportName): FallbackReason | undefined {
    if (name === "websocket") return undefined;
    const best = names[0] as TransportName;
    if (best === name) return "chosen";
    return reputation.fault(best) ?? ([...links.values()].some((a) => a.name === best) ? "unproven" : "remembered");
  }

  /** Every candidate has failed: waits for the next row, or goes on with what it has. */
  function settle(error?: WireError): void {
    if (session.link) return climbLater();
    wait(error);
    if (!error) void ask();
  }

  /**
   * A browser hides why it could not open a WebSocket, or make a request to another origin. A plain GET reveals it: the
   * server's refusal, or that it is not Tidings that answers there.
   */
  async function ask(): Promise<void> {
    let error: WireError | undefined;
    try {
      error = await readError(await fetch(url, { credentials: options.credentials }));
    } catch {
      return; // the server is not reached
    }
    if (!error || session.link || status.state !== "waiting") return;
    const wrong = error.code === FOREIGN || NOT_HERE.includes(error.code);
    if (!wrong) return error.retry ? undefined : close(error);
    // What is wrong there is not over in a second.
    fruitless = Math.max(fruitless + 1, SLOW);
    wait(error);
    if (!warned) console.warn(`tidings: ${status.error!.message} ${status.error!.hint}`);
    warned = true;
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
    const mute = suspect;
    suspect = undefined;
    race.connected(link, attempt);
    reputation.works(name);
    tokens.taken(frame.ttl);
    heartbeat.start(frame.heartbeat ?? 25_000);
    const fallback = reason(name);
    set("connected", null, name, fallback);
    if (links.size > 1) race.choose();
    else climbLater();
    if (mute) trouble(mute, MUTE);
  }

  function fail(id: number, error?: WireError, fault: FallbackReason = "refused"): void {
    const attempt = links.get(id);
    if (!attempt) return;
    const { name, connectedAt } = attempt;
    if (!error && connectedAt !== undefined) heartbeat.cut();
    const mute = id === session.link && suspect;
    race.drop(id);
    if (error && SESSION_LOST.includes(error.code)) session.forget();
    // By our own next link: `connected` is on its way, or it failed before it heard of it. Or by another copy of its
    // connect, or of an earlier poll.
    const over = !!error && TAKEN_OVER.includes(error.code);
    const moved = over && (id !== race.opened || connectedAt === undefined);
    if (moved || (over && name === "poll")) error = undefined;
    const elsewhere = connectedAt === undefined && (!error || NOT_HERE.includes(error.code));
    if (error && !tokens.refused(error.code) && (!error.retry || error.code === TOKEN_OVER) && !elsewhere) return close(error);
    if (connectedAt !== undefined) {
      if (mute) {
        trouble(name, MUTE);
        suspect = undefined;
      } else if (!moved || !links.size) judge(name, connectedAt);
      // A link that was given up had taken the session along: the server is there.
      if (links.size) {
        if (!session.link && !moved) set("connecting", status.error); // the next link is on its way
      } else if (moved && fruitless < SLOW) connect();
      else wait(error);
      return;
    }
    reputation.failed(name, fault);
    if (id === race.opened && !error) barren(name);
    // The proof of a link that was chosen was worth nothing: goes on behind it.
    if (elsewhere) return race.next(id === race.opened ? better().slice(rank(name) + 1) : undefined);
    dropOthers(); // the server's word, whatever the transport
    settle(error);
  }

  /** Learns from how long a connection lasted. */
  function judge(name: TransportName, connectedAt: number): void {
    if (clock.now() - connectedAt < STABLE) {
      barren(name);
      return trouble(name, SHORT_LIFE);
    }
    fruitless = 0;
    context.max = undefined;
    reputation.good(name);
    if (!rank(name)) climbIn = CLIMB;
  }

  /** A connection was over soon, maybe for being cut in the middle of what it brought: a poll asks for less. */
  function barren(name: TransportName): void {
    fruitless++;
    if (name === "poll") context.max = Math.max(MIN_ANSWER, (context.max ?? FIRST_ANSWER) / 4);
  }

  /** Something speaks against a transport. */
  function trouble(name: TransportName, weight: number): void {
    const next = names[(rank(name) + 1) % names.length] as TransportName;
    if (!reputation.trouble(name, weight, next) || weight === SHORT_LIFE) return;
    climbIn = Math.max(climbIn, MUTE_CLIMB);
    const worse = names.slice(rank(name) + 1);
    if (current()?.name === name && links.size === 1 && worse.length) race.begin(worse);
  }

  /**
   * Nothing is heard of the link though it was asked: the candidates start beside it, and the first that proves itself
   * takes its place.
   */
  function doubt(): void {
    if (status.state !== "connected" || links.size > 1) return;
    suspect = status.transport as TransportName;
    begin();
  }

  /** Frames came over the link that carries the session. */
  function alive(): void {
    heartbeat.heard();
    if (!suspect || links.has(race.opened) && race.opened !== session.link) return;
    suspect = undefined;
    dropOthers();
    climbLater();
  }

  function wait(error?: WireError): void {
    set("waiting", new TidingsError(error ?? LOST));
    clock.clear(retryTimer);
    if (away) return;
    const growing = fruitless > 1 ? backoff(fruitless, () => 0.5 + random() / 2) : 0;
    retryTimer = clock.set(connect, error?.after === undefined ? Math.max(growing, jitter(clock.now() - downSince, random)) : random() * error.after);
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

  /** Takes leave, also over a link that the session is about to move to: the server may have heard of it. */
  function goodbye(): void {
    if (race.opened !== session.link) links.get(race.opened)?.link?.send([{ type: "disconnect" }]);
    session.goodbye();
  }

  function close(error: WireError | null): void {
    if (status.state === "closed") return;
    if (error) session.forget();
    else goodbye();
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
    // A token that is long in coming may have been asked for before the machine slept.
    if (status.state === "waiting" || (fetching && Math.abs(clock.now() - fetching.since) >= PROBE)) connect();
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
    renew,
  };
}
