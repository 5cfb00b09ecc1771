import type { Clock } from "./clock.js";

/** How long a ping may stay without an answer, in ms. */
const PONG = 10_000;
/** The same where there is reason to doubt the link: after sleep, `online`, focus, `pageshow`. */
export const PROBE = 2_000;

/** Finds out that a link is dead: pings when nothing was sent, or nothing was heard, for a while, and waits for anything to be heard. */
export class Heartbeat {
  private interval = 0;
  private last = 0;
  private lastHeard = 0;
  private timer: unknown;
  private deadline: unknown;

  constructor(
    private readonly clock: Clock,
    private readonly random: () => number,
    private readonly ping: () => void,
    private readonly dead: () => void,
  ) {}

  /** Watches a new link; `interval` is in ms, give or take a tenth. */
  start(interval: number): void {
    this.stop();
    this.interval = interval;
    this.sent();
    this.arm();
  }

  stop(): void {
    this.clock.clear(this.timer);
    this.heard();
  }

  /** Something was sent. */
  sent(): void {
    this.last = this.clock.now();
  }

  /** Something was heard. */
  heard(): void {
    this.lastHeard = this.clock.now();
    this.clock.clear(this.deadline);
    this.deadline = undefined;
  }

  /** Pings; nothing heard within `ms` means dead. */
  probe(ms: number): void {
    this.clock.clear(this.deadline);
    this.deadline = this.clock.set(this.dead, ms);
    this.ping();
  }

  /** Since when one of the two ways is silent; while a ping has no answer that is known of the way back. */
  private quiet(): number {
    return this.deadline === undefined ? Math.min(this.last, this.lastHeard) : this.last;
  }

  private arm(): void {
    const due = this.quiet() + this.interval * (0.9 + 0.2 * this.random());
    this.timer = this.clock.set(() => this.fire(due), due - this.clock.now());
  }

  private fire(due: number): void {
    const now = this.clock.now();
    // A timer that comes far too late means that the machine slept.
    const slept = now - due > this.interval;
    if (slept || now - this.quiet() >= this.interval * 0.9) this.probe(slept ? PROBE : PONG);
    this.arm();
  }
}
