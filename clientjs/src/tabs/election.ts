import type { Platform } from "./platform.js";

/** What an election reports to its tab. */
export interface ElectionEvents {
  /** This tab leads now. */
  won(): void;
  /** Another tab took the leadership away. */
  robbed(): void;
  /** There are no locks to be had here. */
  failed(): void;
}

/**
 * A tab's place in the queue for a lock: the tab that holds it leads. The browser passes it on when its holder is
 * closed or crashes.
 */
export class Election {
  private place: AbortController | undefined;
  private release: (() => void) | undefined;

  constructor(
    private readonly locks: Platform["locks"],
    private readonly name: string,
    private readonly events: ElectionEvents,
  ) {}

  /** Queues, or takes the lock from whoever has it. */
  stand(steal = false): void {
    this.withdraw();
    const place = (this.place = new AbortController());
    const hold = (): Promise<void> | undefined => {
      if (this.place !== place) return undefined;
      return new Promise((resolve) => {
        this.release = resolve;
        this.events.won();
      });
    };
    const over = (): void => {
      if (this.place !== place) return;
      const led = this.release;
      this.withdraw();
      if (led) this.events.robbed();
      else this.events.failed();
    };
    try {
      this.locks.request(this.name, steal ? { steal } : { signal: place.signal }, hold).then(undefined, over);
    } catch {
      queueMicrotask(over);
    }
  }

  /** Leaves the queue, or releases the lock. */
  withdraw(): void {
    const { place, release } = this;
    this.place = this.release = undefined;
    release?.();
    place?.abort();
  }
}
