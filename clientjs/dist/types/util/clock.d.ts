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
export declare const systemClock: Clock;
/**
 * Before the next attempt to connect, when the last good connection is `down` ms ago: 0 to `min(20 s, 0.2 s + down /
 * 2)`.
 */
export declare const jitter: (down: number, random: () => number) => number;
/** Before a request is repeated over a connection that stands: 0 to `min(20 s, 0.2 s * 2^attempt)`. */
export declare const backoff: (attempt: number, random: () => number) => number;
