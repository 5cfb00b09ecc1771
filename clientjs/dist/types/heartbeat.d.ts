import type { Clock } from "./clock.js";
/** The same where there is reason to doubt the link: after sleep, `online`, focus, `pageshow`. */
export declare const PROBE = 2000;
/** Finds out that a link is dead: pings when nothing was sent, or nothing was heard, for a while, and waits for anything to be heard. */
export declare class Heartbeat {
    private readonly clock;
    private readonly random;
    private readonly ping;
    private readonly dead;
    private interval;
    private last;
    private lastHeard;
    private timer;
    private deadline;
    constructor(clock: Clock, random: () => number, ping: () => void, dead: () => void);
    /** Watches a new link; `interval` is in ms, give or take a tenth. */
    start(interval: number): void;
    stop(): void;
    /** Something was sent. */
    sent(): void;
    /** Something was heard. */
    heard(): void;
    /** Pings; nothing heard within `ms` means dead. */
    probe(ms: number): void;
    /** Since when one of the two ways is silent; while a ping has no answer that is known of the way back. */
    private quiet;
    private arm;
    private fire;
}
