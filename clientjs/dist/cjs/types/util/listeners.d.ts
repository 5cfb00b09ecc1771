import type { Unsubscribe } from "../types.js";
/** Makes an error that a callback threw visible, as an uncaught one. */
export declare const report: (error: unknown) => void;
/** Calls a callback; what it throws is reported and breaks nothing. */
export declare const safely: (callback: () => void) => void;
/** A list of callbacks. The same one twice is two. */
export interface Listeners<A extends unknown[]> {
    add(this: void, listener: (...args: A) => void): Unsubscribe;
    /** Calls each that is still there, and none that came meanwhile. */
    tell(...args: A): void;
}
export declare function createListeners<A extends unknown[]>(): Listeners<A>;
