import type { Platform } from "./platform.js";
/** What an election reports to its tab. */
export interface ElectionEvents {
    /** This tab leads now. */
    won(): void;
    /** Another tab took the leadership away. */
    robbed(): void;
    /** There are no locks to be had here. */
    failed(): void;
}
/**
 * A tab's place in the queue for a lock: the tab that holds it leads. The browser passes it on when its holder is
 * closed or crashes.
 */
export declare class Election {
    private readonly locks;
    private readonly name;
    private readonly events;
    private place;
    private release;
    constructor(locks: Platform["locks"], name: string, events: ElectionEvents);
    /** Queues, or takes the lock from whoever has it. */
    stand(steal?: boolean): void;
    /** Leaves the queue, or releases the lock. */
    withdraw(): void;
}
