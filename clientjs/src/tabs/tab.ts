import type { Carrier } from "../link/carrier.js";
import type { CarrierHost } from "../link/connection.js";
import type { Status } from "../types.js";
import { PROBE } from "../link/heartbeat.js";
import { backoff } from "../util/clock.js";
import type { ClientFrame, ServerFrame, WireError } from "../core/frames.js";
import { TAKEN_OVER } from "../core/codes.js";
import type { TransportName } from "../transports/transport.js";
import { Election } from "./election.js";
import type { Group } from "./group.js";
import type { Platform } from "./platform.js";
import { leftOut, type Down, type Lead, type Leader, type Post, type Said, type Standing } from "./posts.js";
import { Relay } from "./relay.js";
import { createVoice, type Voice } from "./voice.js";
import { BEAT, createWatch, type Watch } from "./watch.js";

/** How long a tab that gets no token leads, in ms. */
const PATIENCE = 30_000;

/**
 * A tab among those of one browser that share a connection. Its session is linked to the leader's relay, which may be
 * its own; who leads is settled by a lock, whether the leader lives by asking it. A link that misses a post, or its
 * leader, is made anew: then the session subscribes from its cursors, as after any reconnect.
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
  private readonly voice: Voice;
  private link = 0;
  private lastLink = 0;
  /** Posts over this link. */
  private sent = 0;
  private away = false;
  private readonly watch: Watch;
  /** Until a leader looks at its relay again. */
  private beatTimer: unknown;
  /** When this tab last began to join the group. */
  private joinedAt = 0;
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
    this.voice = createVoice(this.me, () => this.term, (post) => {
      this.post(post);
      this.hear(post);
    });
    this.watch = createWatch({
      clock: host.clock,
      random: host.random,
      platform,
      me: this.me,
      ask: (wake, rank) => this.post({ post: "who", from: this.me, leader: this.leader?.id ?? "", link: this.link, n: this.sent, wake, rank }),
      take: () => this.election?.stand(true),
    });
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
    else if (this.status.state === "waiting" || Math.abs(this.host.clock.now() - this.joinedAt) >= PROBE) void this.join(0);
  }

  /** The page is left or frozen: somebody else has to lead. */
  leave(): void {
    this.away = true;
    this.quit();
    this.show();
  }

  release(): void {
    if (this.relay) this.relay.connection.carrier.release();
    if (!this.away) return;
    this.away = false;
    if (this.channel) this.ask(true);
    else void this.join(0);
    this.show();
  }

  /**
   * Finds out who the user is now. Another one: goes to the tabs of that user. The same one: the leader reports the new
   * token to the server.
   */
  async refresh(): Promise<void> {
    await this.group.again();
    const { name } = this;
    if (!name || this.status.state === "closed") return;
    if ((await this.group.name()) !== name) this.move();
    else await this.relay?.connection.carrier.refresh();
  }

  cut(hold = this.away): void {
    if (this.relay) return this.relay.connection.carrier.cut(hold);
    this.away = hold;
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
    if (!this.absent) return;
    this.joinedAt = host.clock.now();
    try {
      await this.group.identify();
    } catch (cause) {
      if (!this.absent) return;
      const error = { code: "unauthorized", message: `getToken failed: ${cause}`, retry: true };
      this.show({ state: "waiting", transport: null, error });
      this.retryTimer = host.clock.set(() => void this.join(attempt + 1), backoff(attempt, host.random));
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
    return !this.channel && !this.away && this.status.state !== "closed";
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
    const { term } = this;
    /** Makes a callback that does nothing once this tab no longer leads in this term. */
    const mine =
      <A extends unknown[]>(then: (...args: A) => void) =>
      (...args: A): void => {
        if (this.relay && term === this.term) then(...args);
      };
    const relay = (this.relay = new Relay({
      me: this.me,
      now: () => host.clock.now(),
      own: (port) =>
        host.own(port, {
          options: { ...host.options, ...this.group.credentials(mine(() => this.move()), mine(() => this.handOver())) },
          names: this.names,
          tabs: undefined,
        }),
      fence: this.leader?.session ?? "",
      say: mine((said: Said) => this.voice.say(said)),
      later: (callback) => {
        host.clock.clear(this.retryTimer);
        this.retryTimer = host.clock.set(callback, backoff(++this.refusals, host.random));
      },
      ended: mine((error: WireError | null) => this.ended(error)),
    }));
    this.leader = undefined;
    relay.start();
    this.watch.stop();
    this.beat();
  }

  /** Makes the relay look again, from time to time. */
  private beat(): void {
    const { clock } = this.host;
    clock.clear(this.beatTimer);
    this.beatTimer = clock.set(() => {
      this.relay?.tick();
      this.beat();
    }, BEAT);
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

  /** This tab gets no token. Another may, once the connection needs one; not at once, if none of them gets one. */
  private handOver(): void {
    const { others, connection } = this.relay as Relay;
    if (others && connection.carrier.status.state !== "connected" && Math.abs(this.host.clock.now() - this.term) > PATIENCE) this.stepDown();
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
    this.voice.flush();
    this.post(this.voice.numbered({ post: "bye" }));
    this.relay = undefined;
    this.voice.clear();
    this.unlink();
    this.leader = undefined;
    this.host.clock.clear(this.beatTimer);
    relay.close();
  }

  /** Leaves the group. */
  private quit(): void {
    const { host } = this;
    this.watch.stop();
    host.clock.clear(this.retryTimer);
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

  private hear(post: Post): void {
    switch (post.post) {
      case "who":
        this.watch.rival(post.rank);
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
    this.watch.heard();
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
    this.watch.heard();
    if (to !== undefined && (to !== this.me || link !== this.link)) return;
    const own = this.link;
    for (const frame of frames as (ServerFrame & { exclude?: string })[]) {
      const told = frame.exclude === this.me ? leftOut(frame) : frame;
      if (this.link === own && own) this.host.session.frame(own, told);
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

  /** Connects this tab's session to the leader. */
  private relink(): void {
    this.unlink();
    if (this.away) return;
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

  /** Asks whether the leader lives, unless this tab leads. */
  private ask(wake: boolean): void {
    if (this.channel && !this.relay) this.watch.ask(wake);
  }

  /** Reports to the bus how it stands, if that has changed. */
  private show(standing?: Standing): void {
    if (this.status.state === "closed") return;
    const { session, error } = this.host;
    const linked = this.link && session.link === this.link && this.leader;
    const { error: wire, ...rest }: Standing =
      standing ?? (linked ? linked.standing : { state: this.away ? "waiting" : "connecting", transport: null, error: null });
    const next: Status = { ...rest, error: wire && error(wire), tab: this.relay ? "leader" : "follower" };
    if (JSON.stringify([this.status, this.status.error?.message]) === JSON.stringify([next, next.error?.message])) return;
    this.host.changed((this.status = next));
  }
}
