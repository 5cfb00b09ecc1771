import type { Clock } from "../util/clock.js";
/** The same if there is reason to doubt the link: after sleep, `online`, focus, `pageshow`. */
export declare const PROBE = 2000;
/**
 * Finds out that a link is dead: pings when nothing was sent, or nothing was heard, for a while, and waits for anything
 * to be heard. It asks sooner if a request goes without a sign of life, or if a link that brought much falls silent. If
 * links were cut twice after the same silence, as proxies do, it pings well within that from then on.
 */
export interface Heartbeat {
    /** Watches a new link; `every` is in ms, give or take a tenth. */
    start(every: number): void;
    stop(): void;
    /** The link that is watched was cut without a word. */
    cut(): void;
    /** Something was sent; `asks` is set if it wants an answer. */
    sent(asks: boolean): void;
    /** Something was heard. */
    heard(): void;
    /** Pings; nothing heard within `ms` means dead. A deadline that is set already may only come earlier. */
    probe(ms: number): void;
}
/** What a heartbeat needs. */
export interface HeartbeatConfig {
    readonly clock: Clock;
    readonly random: () => number;
    /** Sends a ping. */
    ping(): void;
    /** Called once in an interval: what has had no answer since the last call may be asked for again. */
    nudge(): void;
    /** A question has had no sign of life for 3 s; called again every 3 s. */
    doubt(): void;
    /** Nothing was heard in time. */
    dead(): void;
}
/** Makes a heartbeat that watches nothing yet. */
export declare function createHeartbeat({ clock, random, ping, nudge, doubt, dead }: HeartbeatConfig): Heartbeat;
