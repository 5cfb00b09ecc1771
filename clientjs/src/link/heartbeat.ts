import type { Clock } from "../util/clock.js";

/** How long a ping may stay without an answer, in ms. */
const PONG = 10_000;
/** The same if there is reason to doubt the link: after sleep, `online`, focus, `pageshow`. */
export const PROBE = 2_000;
/** How long a question, a request or a ping, may stay without a sign of life before the link is in doubt, in ms. */
const DOUBT = 3_000;
/** A silence that was shorter than this did not end a link, in ms; nor does the interval ever get shorter. */
const SHORTEST = 2_000;
/** A silence of so many times the usual time between frames is unusual; but not if it is shorter than a second. */
const UNUSUAL = 20;
/** How often it is looked for such a silence, in ms, while frames come quickly. */
const LOOK = 1_000;

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
export function createHeartbeat({ clock, random, ping, nudge, doubt, dead }: HeartbeatConfig): Heartbeat {
  let interval = 0;
  let lastSent = 0;
  let lastHeard = 0;
  /** The usual time between frames. */
  let pace = 0;
  /** The silence before the last cut. */
  let silence = 0;
  /** The longest interval that is known to keep a link open. */
  let longest = Infinity;
  /** Until the next ping. */
  let timer: unknown;
  /** Until the link is dead, and when that is. */
  let deadline: unknown;
  let deadlineAt = 0;
  /** Until a question without a sign of life puts the link in doubt. */
  let question: unknown;
  /** Until it is looked whether the link is unusually silent. */
  let look: unknown;

  function calm(): void {
    clock.clear(deadline);
    clock.clear(question);
    deadline = question = undefined;
  }

  function heard(): void {
    const now = clock.now();
    pace = Math.min(interval, 0.8 * pace + 0.2 * Math.max(0, now - lastHeard));
    lastHeard = now;
    const asked = deadline !== undefined;
    calm();
    // Set from here the timer does not hang on an earlier one: browsers slow down such chains in tabs that nobody sees.
    if (asked) arm();
    if (2 * unusual() < interval) look ??= clock.set(listen, LOOK);
  }

  const unusual = (): number => Math.max(LOOK, UNUSUAL * pace);

  function listen(): void {
    const left = unusual() - (clock.now() - lastHeard);
    look = left > 1 ? clock.set(listen, Math.min(left, LOOK)) : undefined;
    if (!look && deadline === undefined) probe(PONG);
  }

  function ask(): void {
    question ??= clock.set(() => {
      question = undefined;
      doubt();
      probe(PONG);
    }, DOUBT);
  }

  function stop(): void {
    calm();
    clock.clear(timer);
    clock.clear(look);
    look = undefined;
  }

  function probe(ms: number): void {
    const due = clock.now() + ms;
    if (deadline === undefined || due < deadlineAt) {
      clock.clear(deadline);
      deadlineAt = due;
      deadline = clock.set(dead, ms);
    }
    ask();
    ping();
  }

  /** Since when one of the two ways is silent; while a ping has no answer that is known of the way back. */
  const quiet = (): number => (deadline === undefined ? Math.min(lastSent, lastHeard) : lastSent);

  function arm(): void {
    clock.clear(timer);
    const now = clock.now();
    const due = Math.min(quiet(), now) + interval * (0.9 + 0.2 * random());
    timer = clock.set(() => {
      const time = clock.now();
      // A timer that comes far too late, or too early, means that the machine slept, or that its clock was set.
      const slept = Math.abs(time - due) > interval;
      if (slept || time - quiet() >= interval * 0.9) probe(slept ? PROBE : PONG);
      nudge();
      arm();
    }, due - now);
  }

  return {
    start(every) {
      stop();
      pace = interval = Math.min(every, longest);
      lastSent = lastHeard = clock.now();
      arm();
    },
    stop,
    cut() {
      if (deadline !== undefined) return; // it was dead before
      const before = silence;
      silence = clock.now() - Math.max(lastSent, lastHeard);
      const again = Math.min(silence, before);
      if (again >= SHORTEST && again > 0.8 * Math.max(silence, before)) longest = Math.min(longest, Math.max(0.6 * again, SHORTEST));
    },
    sent(asks) {
      lastSent = clock.now();
      if (asks) ask();
    },
    heard,
    probe,
  };
}
