import type { Carrier, CarrierHost } from "../connection.js";
import type { MessageBusOptions, Status } from "../types.js";
import { backoff } from "../clock.js";
import type { ClientFrame, MessageFrame, ServerFrame, WireError } from "../core/frames.js";
import { TAKEN_OVER } from "../core/codes.js";
import type { TransportName } from "../transports/transport.js";
import { Election } from "./election.js";
import type { Platform } from "./platform.js";
import type { Down, Lead, Post, Said, Standing } from "./posts.js";
import { Relay } from "./relay.js";

/** A follower that has heard nothing of its leader for this long asks for it, in ms, give or take a quarter. */
const QUIET = 2_500;
/** How long the leader has to answer before its place is taken, in ms. */
const DEADLINE = 2_000;
/** A follower lets itself be heard this often, in ms. */
const BEAT = 20_000;
/** How long a tab that gets no token leads, in ms. */
const PATIENCE = 30_000;
/** After a timer that is later than this, in ms, the leader is asked once more: this tab, or the machine, may have slept. Timers of hidden tabs are 1 s late. */
const LATE = 1_500;

/** The leader as a follower, or the leader's own session, knows it. */
interface Leader {
  readonly id: string;
  readonly term: number;
  /** The number of its next post. */
  next: number;
  standing: Standing;
  session: string;
}

/** Who shares. */
export interface Group {
  /** Finds out who the user is. Fails where `getToken` does. */
  identify(): Promise<void>;
  /** The name by which the tabs of one URL and identity find each other. */
  name(): Promise<string>;
  /** Finds out anew who the user is. Fails where `getToken` does. */
  again(): Promise<void>;
  /** What to connect with for this identity; `another` is told where `getToken` gives a token of another, `failed` where it fails. */
  credentials(another: () => void, failed: () => void): Pick<MessageBusOptions, "token" | "getToken">;
}

/**
 * A tab among those of one browser that share a connection. Its session is linked to the leader's relay, which may be its own; who leads is
 * settled by a lock, whether the leader lives by asking it. A link that misses a post, or its leader, is made anew: then the session
 * subscribes from its cursors, as after any reconnect.
 */
export class Tab implements Carrier {
  status: Status = { state: "idle", transport: null, error: null };
  private readonly me: string;
  private names: readonly TransportName[];
  /** The group's, once it is in one. */
  private name = "";
  private channel: ReturnType<Platform["open"]> | undefined;
  private election: Election | undefined;
  private relay: Relay | undefined;
  private leader: Leader | undefined;
  /** The highest term heard of; that of a tab that leads began then, by its clock. */
  private term = 0;
  private said = 0;
  /** What waits to be said at the end of this turn, so that frames that came together go together. */
  private queue: Said[] = [];
  private link = 0;
  private lastLink = 0;
  /** Posts over this link. */
  private sent = 0;
  private held = false;
  private heardAt = 0;
  private spokeAt = 0;
  /** How often the leader was asked whether it lives since it was last heard. */
  private asked = 0;
  /** The lowest rank of those that asked since this tab last did, its own among them. */
  private lowest = "";
  private timer: unknown;
  private refusals = 0;
  private retryTimer: unknown;
  private stopWatching: (() => void) | undefined;

  constructor(
    private readonly host: CarrierHost,
    private readonly platform: Platform,
    private readonly group: Group,
  ) {
    this.me = platform.name();
    this.names = host.names;
  }

  start(): void {
    if (this.status.state !== "idle") return;
    this.show();
    this.stopWatching = this.platform.watch(
      () => this.leave(),
      () => this.release(),
    );
    void this.join(0);
  }

  wake(): void {
    if (this.relay) this.relay.connection.carrier.wake();
    else if (this.channel) this.ask(true);
  }

  /** The page is left or frozen: somebody else has to lead. */
  leave(): void {
    this.held = true;
    this.quit();
    this.show();
  }

  release(): void {
    if (this.relay) this.relay.connection.carrier.release();
    if (!this.held) return;
    this.held = false;
    if (this.channel) this.ask(true);
    else void this.join(0);
    this.show();
  }

  /** Whoever the user is now, to the tabs of that one. Where it is the same, the one that leads tells the server. */
  async refresh(): Promise<void> {
    await this.group.again();
    const { name } = this;
    if (!name || this.status.state === "closed") return;
    if ((await this.group.name()) !== name) this.move();
    else await this.relay?.connection.carrier.refresh();
  }

  cut(hold = this.held): void {
    if (this.relay) return this.relay.connection.carrier.cut(hold);
    this.held = hold;
    this.unlink();
    if (!hold) this.ask(true);
  }

  use(names: readonly TransportName[]): void {
    this.names = names;
    this.relay?.connection.carrier.use(names);
  }

  close(error: WireError | null): void {
    if (this.status.state === "closed") return;
    this.quit();
    this.stopWatching?.();
    this.host.changed((this.status = { state: "closed", transport: null, error: error && this.host.error(error) }));
  }

  /** Carries frames of this tab's session to the leader. */
  send(link: number, frames: ClientFrame[]): void {
    if (link !== this.link || !this.leader) return;
    const n = ++this.sent;
    if (this.relay) this.relay.hear(this.me, link, n, frames);
    else this.post({ post: "up", from: this.me, to: this.leader.id, link, n, frames });
  }

  connected(): void {
    this.show();
  }

  fail(): void {
    this.unlink();
  }

  /** Enters the group: queues for the lock, and asks who leads. */
  private async join(attempt: number): Promise<void> {
    const { host, platform } = this;
    try {
      await this.group.identify();
    } catch (cause) {
      const error = { code: "unauthorized", message: `getToken failed: ${cause}`, retry: true };
      this.show({ state: "waiting", transport: null, error });
      host.clock.set(() => this.absent && void this.join(attempt + 1), backoff(attempt, host.random));
      return;
    }
    try {
      const name = await this.group.name();
      if (!this.absent) return;
      this.name = name;
      this.channel = platform.open(name);
      this.channel.onmessage = (event) => this.hear(event.data as Post);
      this.election = new Election(platform.locks, name, {
        won: () => this.lead(),
        robbed: () => this.stepDown(),
        failed: () => this.alone(),
      });
    } catch {
      return this.alone();
    }
    this.election.stand();
    this.ask(true);
  }

  /** It should be in the group, and is not. */
  private get absent(): boolean {
    return !this.channel && !this.held && this.status.state !== "closed";
  }

  /** There is nothing to share with here. */
  private alone(): void {
    this.quit();
    this.stopWatching?.();
    this.host.alone();
  }

  private lead(): void {
    const { host } = this;
    this.unlink();
    this.term = Math.max(this.term + 1, host.clock.now());
    const mine = (then: () => void) => () => relay === this.relay && then();
    const relay: Relay = new Relay({
      me: this.me,
      now: () => host.clock.now(),
      own: (port) =>
        host.own(port, {
          options: { ...host.options, ...this.group.credentials(mine(() => this.move()), mine(() => this.handOver())) },
          names: this.names,
          tabs: undefined,
        }),
      fence: this.leader?.session ?? "",
      say: (said) => relay === this.relay && this.say(said),
      later: (callback) => {
        host.clock.clear(this.retryTimer);
        this.retryTimer = host.clock.set(callback, backoff(++this.refusals, host.random));
      },
      ended: (error) => relay === this.relay && this.ended(error),
    });
    this.relay = relay;
    this.leader = undefined;
    relay.start();
    this.arm(BEAT);
  }

  /** The connection to the server is over: taken over by the session of a newer leader, or for good. */
  private ended(error: WireError | null): void {
    if (error && TAKEN_OVER.includes(error.code)) this.stepDown();
    else this.close(error);
  }

  /** The user is another one now: goes to the tabs of that one. */
  private move(): void {
    this.quit();
    this.show();
    void this.join(0);
  }

  /** This tab gets no token. Another may, once the connection needs one; not at once, where none of them gets one. */
  private handOver(): void {
    const { others, connection } = this.relay as Relay;
    if (others && connection.carrier.status.state !== "connected" && this.host.clock.now() - this.term > PATIENCE) this.stepDown();
  }

  /** Goes back into the queue: another tab leads. */
  private stepDown(): void {
    this.resign();
    this.election?.stand();
    this.ask(true);
    this.show();
  }

  private resign(): void {
    const { relay } = this;
    if (!relay) return;
    this.flush();
    this.post({ post: "bye", ...this.stamp() });
    this.relay = undefined;
    this.queue = [];
    this.unlink();
    this.leader = undefined;
    this.host.clock.clear(this.retryTimer);
    relay.close();
  }

  /** Leaves the group. */
  private quit(): void {
    const { host } = this;
    host.clock.clear(this.timer);
    if (!this.relay) host.session.goodbye();
    this.resign();
    host.session.forget();
    this.link = 0;
    this.leader = undefined;
    this.name = "";
    this.election?.withdraw();
    this.channel?.close();
    this.election = this.channel = undefined;
  }

  private post(post: Post): void {
    try {
      this.channel?.postMessage(post);
    } catch {
      // A channel that does not carry is found out by silence.
    }
  }

  private stamp(): { from: string; term: number; n: number } {
    return { from: this.me, term: this.term, n: ++this.said };
  }

  private say(said: Said): void {
    if (!this.queue.length) queueMicrotask(() => this.flush());
    const last = this.queue[this.queue.length - 1];
    if (said.post === "down" && last?.post === "down" && last.to === said.to && last.link === said.link) {
      last.frames.push(...said.frames);
    } else this.queue.push(said);
  }

  private flush(): void {
    for (const said of this.queue.splice(0)) {
      const post = { ...said, ...this.stamp() } as Post;
      this.post(post);
      this.hear(post);
    }
  }

  private hear(post: Post): void {
    switch (post.post) {
      case "who":
        if (post.rank < this.lowest) this.lowest = post.rank;
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

  private onLead({ from, term, n, standing, session }: Lead): void {
    if (term < this.term) return; // one that does not know yet that its time is over
    if (this.relay && from !== this.me) return this.stepDown();
    this.term = term;
    this.heard();
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

  private onDown({ to, link, frames }: Down): void {
    this.heard();
    if (to !== undefined && (to !== this.me || link !== this.link)) return;
    const own = this.link;
    for (const frame of frames as MessageFrame[]) {
      // What this tab is excluded from moves its cursor; a volatile message, and an event, are a frame that it does not know.
      const told = frame.exclude === this.me ? { ...frame, type: frame.offset ? "position" : "" } : frame;
      if (this.link === own && own) this.host.session.frame(own, told as ServerFrame);
    }
  }

  private onBye(): void {
    this.unlink();
    this.leader = undefined;
    this.show();
    this.ask(false);
  }

  /** Whether a post follows the last one. One that was missed may have been for this tab: then it links anew. */
  private inOrder(leader: Leader, n: number): boolean {
    if (n < leader.next) return false;
    const missed = n > leader.next;
    leader.next = n + 1;
    if (missed) this.relink();
    return !missed;
  }

  private heard(): void {
    this.heardAt = this.host.clock.now();
    this.asked = 0;
  }

  /** Connects this tab's session to the leader. */
  private relink(): void {
    this.unlink();
    if (this.held) return;
    this.link = ++this.lastLink;
    this.sent = 0;
    this.host.session.open(this.link);
  }

  private unlink(): void {
    const { link } = this;
    this.link = 0;
    if (link) this.host.session.lost(link);
    this.show();
  }

  /** Asks whether the leader lives, which it has to show in time. */
  private ask(wake: boolean): void {
    if (!this.channel || this.relay) return;
    const now = this.host.clock.now();
    this.asked++;
    this.spokeAt = now;
    this.lowest = this.rank;
    this.post({ post: "who", from: this.me, leader: this.leader?.id ?? "", link: this.link, n: this.sent, wake, rank: this.rank });
    this.arm(DEADLINE);
  }

  /** Timers of tabs that are seen run on time: the better leaders. */
  private get rank(): string {
    return `${this.platform.hidden() ? 1 : 0} ${this.me}`;
  }

  private arm(ms: number): void {
    const { clock } = this.host;
    clock.clear(this.timer);
    const due = clock.now() + ms;
    this.timer = clock.set(() => this.tick(due), ms);
  }

  private tick(due: number): void {
    const { clock, random } = this.host;
    const now = clock.now();
    if (this.relay) {
      this.relay.tick();
      return this.arm(BEAT);
    }
    if (this.asked > (now - due > LATE ? 1 : 0) && this.lowest === this.rank) this.election?.stand(true);
    const silent = now - this.heardAt >= QUIET * 0.75;
    if (this.asked || silent || now - this.spokeAt >= BEAT) return this.ask(false);
    this.arm(QUIET * (0.75 + 0.5 * random()));
  }

  /** Tells the bus how it stands, where that has changed. */
  private show(standing?: Standing): void {
    if (this.status.state === "closed") return;
    const { session, error } = this.host;
    const linked = this.link && session.link === this.link && this.leader;
    const { state, transport, error: wire } =
      standing ?? (linked ? linked.standing : { state: this.held ? "waiting" : "connecting", transport: null, error: null });
    const next: Status = { state, transport, error: wire && error(wire), tab: this.relay ? "leader" : "follower" };
    if (JSON.stringify([this.status, this.status.error?.message]) === JSON.stringify([next, next.error?.message])) return;
    this.host.changed((this.status = next));
  }
}
