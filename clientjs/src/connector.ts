import { jitter, type Clock } from "./clock.js";
import { NOT_HERE, SESSION_LOST, TAKEN_OVER, TOKEN_BAD, TOKEN_OVER } from "./core/codes.js";
import type { ClientFrame, ConnectedFrame, WireError } from "./core/frames.js";
import type { Session } from "./core/session.js";
import { TidingsError } from "./errors.js";
import { Heartbeat, PROBE } from "./heartbeat.js";
import type { Link, LinkContext, Transport, TransportName } from "./transports/transport.js";
import type { State, Status } from "./types.js";

/** What a connector needs. */
export interface ConnectorConfig {
  readonly session: Session;
  readonly context: Omit<LinkContext, "token">;
  readonly transports: Readonly<Record<TransportName, Transport>>;
  readonly token: string | undefined;
  readonly getToken: (() => string | Promise<string>) | undefined;
  onStatus(status: Status): void;
}

/** How long a transport has to bring `connected`, in ms. */
const PROOF = 3_000;
/** A connection that lasted this long was a good one, in ms: how long to wait between attempts counts from its end. */
const STABLE = 10_000;
/** Connections of one transport in a row that did not last, before the next transport is preferred. */
const SHORT_LIVES = 3;
/** How long it is remembered which transport worked, in ms. After that a reconnect begins at the top again. */
const MEMORY = 600_000;

/** What the status says where no word of the server came. */
const LOST: WireError = {
  code: "lost",
  message: "The connection was lost, or the server was not reached.",
  hint: "It is tried again by itself; look at the network and at the bus's url if this stays.",
  retry: true,
};

interface Attempt {
  name: TransportName;
  link?: Link;
  /** Takes the attempt for failed when `connected` does not come. */
  proof?: unknown;
  provenAt?: number;
}

/** Keeps a link open: chooses the transport, waits between attempts, and hears when a link is dead. */
export class Connector {
  status: Status = { state: "idle", transport: null, error: null };
  private names: readonly TransportName[];
  private readonly links = new Map<number, Attempt>();
  private lastLink = 0;
  /** Transports still to try in this row. */
  private row: TransportName[] = [];
  private preferred: TransportName | undefined;
  private preferredAt = 0;
  private shortLives = 0;
  /** Since when there was no good connection; Infinity before the first attempt. */
  private downSince = Infinity;
  private timer: unknown;
  private held = false;
  private token: string | undefined;
  /** The token was fetched and nothing has been connected with it yet. */
  private untried = false;
  private readonly clock: Clock;
  private readonly context: LinkContext;
  private readonly heartbeat: Heartbeat;

  constructor(
    private readonly config: ConnectorConfig,
    names: readonly TransportName[],
  ) {
    this.names = names;
    this.token = config.token;
    this.clock = config.context.clock;
    this.context = { ...config.context, token: () => this.token };
    const { session } = config;
    this.heartbeat = new Heartbeat(this.clock, config.context.random, () => session.ping(), () => this.fail(session.link));
  }

  /** It has begun and is not closed. */
  private get active(): boolean {
    return !["idle", "closed"].includes(this.status.state);
  }

  /** Connects, unless that is done or under way. */
  start(): void {
    if (this.status.state === "idle") this.connect();
  }

  /** The network may be back: connects at once, or asks what is open whether it lives. */
  wake(): void {
    if (this.status.state === "waiting") this.connect();
    if (this.status.state === "connected") this.heartbeat.probe(PROBE);
  }

  /** Goes over to these transports; what is open goes on until one of them works. */
  use(names: readonly TransportName[]): void {
    this.names = names;
    this.preferred = undefined;
    if (this.active) this.connect();
  }

  /** Drops every link as if the network had failed, and stays offline until `release` if `hold`. */
  cut(hold = this.held): void {
    this.held = hold;
    this.dropOthers();
    if (this.status.state === "connected") this.fail(this.config.session.link);
    else if (this.active) this.wait();
  }

  /** Ends `cut(true)`. */
  release(): void {
    this.held = false;
    this.wake();
  }

  /** Says goodbye, and connects no more until {@link release}. */
  leave(): void {
    this.held = true;
    this.config.session.goodbye();
    this.dropAll();
    if (this.active) this.set("waiting");
  }

  /** Ends for good. */
  close(error: WireError | null): void {
    if (this.status.state === "closed") return;
    if (error) this.config.session.forget();
    else this.config.session.goodbye();
    this.dropAll();
    this.set("closed", error && new TidingsError(error));
  }

  /** Writes frames to a link that the session named. */
  send(link: number, frames: ClientFrame[]): void {
    this.heartbeat.sent();
    this.links.get(link)?.link?.send(frames);
  }

  /** The session goes over `link` now. */
  connected(link: number, frame: ConnectedFrame): void {
    const attempt = this.links.get(link);
    if (!attempt) return;
    this.dropOthers();
    this.clock.clear(attempt.proof);
    attempt.provenAt = this.preferredAt = this.clock.now();
    this.preferred = attempt.name;
    this.untried = false;
    this.heartbeat.start(frame.heartbeat ?? 25_000);
    this.set("connected", null, attempt.name);
  }

  /** A link is over, by the network or by the server's word. */
  fail(id: number, error?: WireError): void {
    const attempt = this.links.get(id);
    if (!attempt) return;
    const { session } = this.config;
    this.drop(id);
    if (error && SESSION_LOST.includes(error.code)) session.forget();
    // By our own next link, which may still be on its way or may have failed before it heard of it.
    if (error && TAKEN_OVER.includes(error.code) && id < this.lastLink) error = undefined;
    if (this.ended(attempt, error)) return;
    if (attempt.provenAt !== undefined) this.judge(attempt.name, attempt.provenAt);
    else if (this.row.length && (!error || NOT_HERE.includes(error.code))) return this.next();
    if (!this.links.size) this.wait(error);
    else if (!session.link) this.set("connecting", this.status.error); // the next link is on its way
  }

  /** Deals with an error after which the same connect must not be tried again. */
  private ended({ provenAt }: Attempt, error: WireError | undefined): boolean {
    if (!error) return false;
    const { code } = error;
    const stale = this.config.getToken && (code === TOKEN_OVER || (code === TOKEN_BAD && !this.untried));
    if (stale) this.token = undefined;
    const elsewhere = provenAt === undefined && NOT_HERE.includes(code);
    if (error.retry || stale || elsewhere) return false;
    this.close(error);
    return true;
  }

  /** Learns from how long a connection lasted. */
  private judge(name: TransportName, provenAt: number): void {
    if (this.clock.now() - provenAt >= STABLE) this.shortLives = 0;
    else if (++this.shortLives >= SHORT_LIVES) {
      this.shortLives = 0;
      this.preferred = this.names[(this.names.indexOf(name) + 1) % this.names.length];
    }
  }

  private connect(): void {
    this.clock.clear(this.timer);
    if (this.held) return this.set("waiting", this.status.error);
    this.dropOthers();
    const now = this.clock.now();
    this.downSince = Math.min(this.downSince, now); // also where the clock was set back
    if (now - this.preferredAt > MEMORY) this.preferred = undefined;
    const first = this.names.find((name) => name === this.preferred);
    this.row = [...(first ? [first] : []), ...this.names.filter((name) => name !== first)];
    if (!this.config.session.link) this.set("connecting", this.status.error);
    if (this.token === undefined && this.config.getToken) this.fetchToken(this.config.getToken);
    else this.next();
  }

  private fetchToken(getToken: () => string | Promise<string>): void {
    const id = ++this.lastLink;
    this.links.set(id, { name: "poll" }); // a place in the row, so that what comes between gives it up
    Promise.resolve()
      .then(getToken)
      .then(
        (token) => {
          if (!this.links.delete(id)) return;
          this.token = token;
          this.untried = true;
          this.next();
        },
        (cause) => this.fail(id, { code: TOKEN_BAD, message: `getToken failed: ${cause}`, retry: true }),
      );
  }

  /** Tries the next transport of the row. */
  private next(): void {
    const name = this.row.shift() as TransportName;
    const id = ++this.lastLink;
    const { session } = this.config;
    const attempt: Attempt = { name, proof: this.clock.set(() => this.fail(id), PROOF) };
    this.links.set(id, attempt);
    try {
      attempt.link = this.config.transports[name](this.context, {
        open: () => session.open(id, this.token),
        lost: (error) => this.fail(id, error),
        frames: (frames) => {
          if (id === session.link) this.heartbeat.heard();
          for (const frame of frames) if (this.links.has(id)) session.frame(id, frame);
        },
      });
    } catch {
      this.fail(id); // a URL or a page that this transport cannot go with
    }
  }

  private wait(error?: WireError): void {
    this.set("waiting", new TidingsError(error ?? LOST));
    this.clock.clear(this.timer);
    if (this.held) return;
    const { random } = this.context;
    const delay = error?.after === undefined ? jitter(this.clock.now() - this.downSince, random) : random() * error.after;
    this.timer = this.clock.set(() => this.connect(), delay);
  }

  private drop(id: number): void {
    const attempt = this.links.get(id);
    this.links.delete(id);
    this.clock.clear(attempt?.proof);
    if (attempt?.provenAt !== undefined) {
      this.heartbeat.stop();
      if (this.clock.now() - attempt.provenAt >= STABLE) this.downSince = this.clock.now();
    }
    this.config.session.lost(id);
    attempt?.link?.close();
  }

  private dropAll(): void {
    this.clock.clear(this.timer);
    for (const id of [...this.links.keys()]) this.drop(id);
  }

  /** Drops every link but the one that carries the session. */
  private dropOthers(): void {
    for (const id of [...this.links.keys()]) if (id !== this.config.session.link) this.drop(id);
  }

  private set(state: State, error: TidingsError | null = null, transport: TransportName | null = null): void {
    this.status = { state, transport, error };
    this.config.onStatus(this.status);
  }
}
