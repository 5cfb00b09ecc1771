/** Where the client takes its time from. Tests bring their own. */
export interface Clock {
  /** Milliseconds; only differences count. */
  now(): number;
  /** Calls `callback` once after `ms`. */
  set(callback: () => void, ms: number): unknown;
  /** Cancels a timer of {@link Clock.set}. */
  clear(timer: unknown): void;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (timer) => clearTimeout(timer as number),
};

/** The longest wait between two attempts, in ms. */
const CAP = 20_000;
/** The longest wait before the first repetition, in ms. */
const BASE = 200;

/**
 * Before the next attempt to connect, when the last good connection is `down` ms ago: 0 to `min(20 s, 0.2 s + down /
 * 2)`.
 */
export const jitter = (down: number, random: () => number): number => random() * Math.min(CAP, BASE + down / 2);

/** Before a request is repeated over a connection that stands: 0 to `min(20 s, 0.2 s * 2^attempt)`. */
export const backoff = (attempt: number, random: () => number): number => random() * Math.min(CAP, BASE * 2 ** attempt);
