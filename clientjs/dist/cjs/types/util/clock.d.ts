/** Where the client takes its time from. Tests bring their own. */
export interface Clock {
    /** Milliseconds; only differences count. */
    now(): number;
    /** Calls `callback` once after `ms`. */
    set(callback: () => void, ms: number): unknown;
    /** Cancels a timer of {@link Clock.set}. */
    clear(timer: unknown): void;
}
/** The clock of the machine. Its timers hold any time, also `Infinity`. */
export declare const systemClock: Clock;
/** Before the next attempt to connect, `down` ms after the last good connection: 0 to `min(20 s, 0.2 s + down / 2)`. */
export declare const jitter: (down: number, random: () => number) => number;
/** Before a request is repeated over a connection that stands: 0 to `min(20 s, 0.2 s * 2^attempt)`. */
export declare const backoff: (attempt: number, random: () => number) => number;
/** Before what rules ended is asked for again: the later half of 30 s, of twice that after each try, at most of 5 min. */
export declare const patience: (tries: number, random: () => number) => number;
/** How long `getToken` may take, in ms. */
export declare const TOKEN_TIME = 30000;
/** Settles as `promise` does; rejects if that takes longer than `ms`. */
export declare function within<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T>;
