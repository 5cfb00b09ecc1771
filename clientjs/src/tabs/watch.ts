import type { Clock } from "../util/clock.js";
import type { Platform } from "./platform.js";

/** A follower that has heard nothing of its leader for this long asks for it, in ms, give or take a quarter. */
const QUIET = 2_500;
/** How long the leader has to answer before its place is taken, in ms. */
const DEADLINE = 2_000;
/** A follower sends a sign of life this often, in ms. */
export const BEAT = 20_000;
/**
 * After a timer that is later than this, in ms, the leader is asked once more: this tab, or the machine, may have
 * slept. Timers of hidden tabs are 1 s late.
 */
const LATE = 1_500;

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
export function createWatch({ clock, random, platform, me, ask, take }: WatchConfig): Watch {
  let heardAt = 0;
  let spokeAt = 0;
  /** How often the leader was asked whether it lives since it was last heard. */
  let asked = 0;
  /** The lowest rank of those that asked since this tab last did, its own among them. */
  let lowest = "";
  let timer: unknown;

  /** Timers of tabs that are seen run on time: the better leaders. */
  const rank = (): string => `${platform.hidden() ? 1 : 0} ${me}`;

  function question(wake: boolean): void {
    asked++;
    spokeAt = clock.now();
    lowest = rank();
    ask(wake, lowest);
    arm(DEADLINE);
  }

  function arm(ms: number): void {
    clock.clear(timer);
    const due = clock.now() + ms;
    timer = clock.set(() => tick(due), ms);
  }

  function tick(due: number): void {
    const now = clock.now();
    // A time that lies ahead, too: the clock was set back.
    const needed = Math.abs(now - due) > LATE ? 2 : 1;
    if (asked >= needed && lowest === rank()) take();
    const silent = Math.abs(now - heardAt) >= QUIET * 0.75;
    if (asked || silent || Math.abs(now - spokeAt) >= BEAT) question(false);
    else arm(QUIET * (0.75 + 0.5 * random()));
  }

  return {
    heard() {
      heardAt = clock.now();
      asked = 0;
    },
    rival(other) {
      if (other < lowest) lowest = other;
    },
    ask: question,
    stop: () => clock.clear(timer),
  };
}
