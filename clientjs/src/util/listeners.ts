import type { Unsubscribe } from "../types.js";

/** Makes an error that a callback threw visible, as an uncaught one. */
export const report = (error: unknown): void => (globalThis.reportError ?? console.error)(error);

/** Calls a callback; what it throws is reported and breaks nothing. */
export const safely = (callback: () => void): void => {
  try {
    callback();
  } catch (error) {
    report(error);
  }
};

/** A list of callbacks. The same one twice is two. */
export interface Listeners<A extends unknown[]> {
  add(this: void, listener: (...args: A) => void): Unsubscribe;
  /** Calls each that is still there, and none that came meanwhile. */
  tell(...args: A): void;
}

export function createListeners<A extends unknown[]>(): Listeners<A> {
  const all = new Set<(...args: A) => void>();
  return {
    add(listener) {
      const own = (...args: A): void => listener(...args);
      all.add(own);
      return () => void all.delete(own);
    },
    tell(...args) {
      for (const listener of [...all]) if (all.has(listener)) safely(() => listener(...args));
    },
  };
}
