import type { Clock } from "../util/clock.js";

/** How long a ping may stay without an answer, in ms. */
const PONG = 10_000;
/** The same if there is reason to doubt the link: after sleep, `online`, focus, `pageshow`. */
export const PROBE = 2_000;
/** A silence that was shorter than this did not end a link, in ms; nor does the interval ever get shorter. */
const SHORTEST = 2_000;

/**
 * Finds out that a link is dead: pings when nothing was sent, or nothing was heard, for a while, and waits for anything
 * to be heard. If links were cut twice after the same silence, as proxies do, it pings well within that from then on.
 */
export interface Heartbeat {
  /** Watches a new link; `every` is in ms, give or take a tenth. */
  start(every: number): void;
  stop(): void;
  /** The link that is watched was cut without a word. */
  cut(): void;
  /** Something was sent. */
  sent(): void;
  /** Something was heard. */
  heard(): void;
  /** Pings; nothing heard within `ms` means dead. */
  probe(ms: number): void;
}

/** Makes a heartbeat that watches nothing yet. It calls `ping` to send one, and `dead` if nothing was heard in time. */
export function createHeartbeat(clock: Clock, random: () => number, ping: () => void, dead: () => void): Heartbeat {
  let interval = 0;
  let lastSent = 0;
  let lastHeard = 0;
  /** The silence before the last cut. */
  let silence = 0;
  /** The longest interval that is known to keep a link open. */
  let longest = Infinity;
  let timer: unknown;
  let deadline: unknown;

  function sent(): void {
    lastSent = clock.now();
  }

  function heard(): void {
    lastHeard = clock.now();
    clock.clear(deadline);
    deadline = undefined;
  }

  function stop(): void {
    clock.clear(timer);
    heard();
  }

  function probe(ms: number): void {
    clock.clear(deadline);
    deadline = clock.set(dead, ms);
    ping();
  }

  /** Since when one of the two ways is silent; while a ping has no answer that is known of the way back. */
  const quiet = (): number => (deadline === undefined ? Math.min(lastSent, lastHeard) : lastSent);

  function arm(): void {
    const due = quiet() + interval * (0.9 + 0.2 * random());
    timer = clock.set(() => {
      const now = clock.now();
      // A timer that comes far too late means that the machine slept.
      const slept = now - due > interval;
      if (slept || now - quiet() >= interval * 0.9) probe(slept ? PROBE : PONG);
      arm();
    }, due - clock.now());
  }

  return {
    start(every) {
      stop();
      interval = Math.min(every, longest);
      sent();
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
    sent,
    heard,
    probe,
  };
}
