import type { Clock } from "../util/clock.js";
import type { TransportName } from "../transports/transport.js";
/** Which transport worked on this network, for a bounded time, over reloads of the page if it has a storage. */
export interface Memory {
    recall(): TransportName | undefined;
    keep(name: TransportName): void;
}
/**
 * Makes the memory of one bus. It uses the page's storage while `lasting` returns true. What the storage throws is no
 * problem: then the bus remembers for itself.
 */
export declare function createMemory(url: string, clock: Clock, lasting: () => boolean): Memory;
