import type { Clock } from "./clock.js";
import type { TransportName } from "./transports/transport.js";

/** Which transport worked on this network, for a bounded time, over reloads of the page where it has a storage. */
export interface Memory {
  recall(): TransportName | undefined;
  keep(name: TransportName): void;
}

/** How long it is remembered which transport worked, in ms. */
const EXPIRY = 600_000;

/** Makes the memory of one bus. What the page's storage throws is no problem. */
export function createMemory(url: string, clock: Clock): Memory {
  /** The network as far as a browser tells: its kind, which tells a train from an office. */
  const key = (): string => `tidings ${url} ${(globalThis.navigator as any)?.connection?.type}`;
  let kept: [network: string, name: TransportName, at: number] | undefined;
  return {
    recall() {
      const network = key();
      let known = kept;
      try {
        known = JSON.parse(localStorage.getItem(network) as string) ?? kept;
      } catch {
        // No storage, or none of ours: what this page knows itself.
      }
      const age = clock.now() - Number(known?.[2]);
      return known?.[0] === network && age >= 0 && age <= EXPIRY ? known[1] : undefined;
    },
    keep(name) {
      kept = [key(), name, clock.now()];
      try {
        localStorage.setItem(kept[0], JSON.stringify(kept));
      } catch {
        // Then for this page alone.
      }
    },
  };
}
