/** Where the client takes its time from. Tests give their own. */
export interface Clock {
  /** Milliseconds; only differences count. */
  now(): number;
  /** Calls `callback` once after `ms`. */
  set(callback: () => void, ms: number): unknown;
  /** Gives up a timer of {@link Clock.set}. */
  clear(timer: unknown): void;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (timer) => clearTimeout(timer as number),
};

/** The longest time between two attempts to connect, in ms. */
const CAP = 20_000;
/** The longest time before the first attempt, in ms; doubles with each failure. */
const BASE = 200;

/** Full jitter: a random time from 0 to `min(20 s, 0.2 s * 2^attempt)`. */
export const jitter = (attempt: number, random: () => number): number =>
  random() * Math.min(CAP, BASE * 2 ** Math.min(attempt, 16));
