/** Where the client takes its time from. Tests bring their own. */
export interface Clock {
  /** Milliseconds; only differences count. */
  now(): number;
  /** Calls `callback` once after `ms`. */
  set(callback: () => void, ms: number): unknown;
  /** Cancels a timer of {@link Clock.set}. */
  clear(timer: unknown): void;
}

/** The longest time that a timer of the platform can hold, in ms: after a longer one it would fire at once. */
const MAX_TIMER = 2 ** 31 - 1;

/** The clock of the machine. Its timers hold any time, also `Infinity`. */
export const systemClock: Clock = {
  now: () => Date.now(),
  set(callback, ms) {
    const timer: { id?: ReturnType<typeof setTimeout> } = {};
    const arm = (left: number): void => {
      timer.id = setTimeout(left > MAX_TIMER ? () => arm(left - MAX_TIMER) : callback, Math.min(left, MAX_TIMER));
    };
    arm(ms);
    return timer;
  },
  clear: (timer) => clearTimeout((timer as { id?: number } | undefined)?.id),
};

/** The longest wait between two attempts, in ms. */
const CAP = 20_000;
/** The longest wait before the first repetition, in ms. */
const BASE = 200;

/** Before the next attempt to connect, `down` ms after the last good connection: 0 to `min(20 s, 0.2 s + down / 2)`. */
export const jitter = (down: number, random: () => number): number => random() * Math.min(CAP, BASE + Math.max(0, down) / 2);

/** Before a request is repeated over a connection that stands: 0 to `min(20 s, 0.2 s * 2^attempt)`. */
export const backoff = (attempt: number, random: () => number): number => random() * Math.min(CAP, BASE * 2 ** attempt);

/** Before what rules ended is asked for again: the later half of 30 s, of twice that after each try, at most of 5 min. */
export const patience = (tries: number, random: () => number): number => (Math.min(10, 2 ** tries) * (1 + random()) * 30_000) / 2;

/** How long `getToken` may take, in ms. */
export const TOKEN_TIME = 30_000;

/** Settles as `promise` does; rejects if that takes longer than `ms`. */
export function within<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.set(() => reject(new Error(`no answer in ${ms} ms`)), ms);
    promise.then(resolve, reject).finally(() => clock.clear(timer));
  });
}
