import type { Clock } from "../util/clock.js";
import type { TransportName } from "../transports/transport.js";
/** Which transport worked on this network, for a bounded time, over reloads of the page if it has a storage. */
export interface Memory {
    recall(): TransportName | undefined;
    keep(name: TransportName): void;
}
/** Makes the memory of one bus. What the page's storage throws is no problem: then the page remembers for itself. */
export declare function createMemory(url: string, clock: Clock): Memory;
