import type { Clock } from "../util/clock.js";
import type { Platform } from "./platform.js";
/** A follower sends a sign of life this often, in ms. */
export declare const BEAT = 20000;
/** What a watch needs. */
export interface WatchConfig {
    readonly clock: Clock;
    readonly random: () => number;
    readonly platform: Pick<Platform, "hidden">;
    /** The tab that watches. */
    readonly me: string;
    /** Asks all tabs whether the leader lives. `rank` is this tab's own. */
    ask(wake: boolean, rank: string): void;
    /** The leader does not answer, and this tab is the best of those that noticed: takes its place. */
    take(): void;
}
/** A follower's watch over its leader: it asks after a silence, and has the leader's place taken if no answer comes. */
export interface Watch {
    /** The leader was heard. */
    heard(): void;
    /** Another tab, or this one, asks for the leader. */
    rival(rank: string): void;
    /** Asks whether the leader lives, which it has to show in time. */
    ask(wake: boolean): void;
    stop(): void;
}
/** Makes a watch that has not begun. */
export declare function createWatch({ clock, random, platform, me, ask, take }: WatchConfig): Watch;
