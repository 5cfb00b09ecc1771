import type { Clock } from "../../src/util/clock.js";

/** Lets everything run that waits for nothing but its turn. */
export const settle = (): Promise<void> => new Promise((resume) => setImmediate(resume));

/** A clock that stands until it is advanced. */
export class FakeClock implements Clock {
  private time = 0;
  private last = 0;
  private readonly timers = new Map<number, { at: number; callback: () => void }>();

  now = (): number => this.time;
  set = (callback: () => void, ms: number): number => {
    this.timers.set(++this.last, { at: this.time + Math.max(0, ms), callback });
    return this.last;
  };
  clear = (timer: unknown): void => void this.timers.delete(timer as number);

  /** How many timers wait. */
  get pending(): number {
    return this.timers.size;
  }

  /** Runs what is due within `ms`, in order. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const [id, next] = [...this.timers].sort((a, b) => a[1].at - b[1].at)[0] ?? [];
      if (!next || next.at > end) break;
      this.timers.delete(id as number);
      this.time = Math.max(this.time, next.at);
      next.callback();
      await settle();
    }
    this.time = end;
  }

  /** The machine slept: time passes and no timer runs on time. */
  sleep(ms: number): void {
    this.time += ms;
  }
}

/** A random source of one seed (mulberry32). */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
