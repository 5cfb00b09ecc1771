import type { Clock } from "../util/clock.js";
import type { TransportName } from "../transports/transport.js";

/** Which transport worked on this network, for a bounded time, over reloads of the page if it has a storage. */
export interface Memory {
  recall(): TransportName | undefined;
  keep(name: TransportName): void;
}

/** How long it is remembered which transport worked, in ms. */
const EXPIRY = 600_000;

/**
 * Makes the memory of one bus. It uses the page's storage while `lasting` returns true. What the storage throws is no
 * problem: then the bus remembers for itself.
 */
export function createMemory(url: string, clock: Clock, lasting: () => boolean): Memory {
  /** The network as far as a browser shows it: its kind, which differs between a train and an office. */
  const key = (): string => `tidings ${url} ${(globalThis.navigator as any)?.connection?.type}`;
  const own: Record<string, string> = {};
  return {
    recall() {
      let known = own[key()];
      try {
        if (lasting()) known = localStorage.getItem(key()) ?? known;
      } catch {
        // No storage.
      }
      const [at, name] = `${known}`.split(" ");
      const age = clock.now() - Number(at);
      return age >= 0 && age <= EXPIRY ? (name as TransportName) : undefined;
    },
    keep(name) {
      own[key()] = `${clock.now()} ${name}`;
      try {
        if (lasting()) localStorage.setItem(key(), own[key()] as string);
      } catch {
        // No storage.
      }
    },
  };
}
