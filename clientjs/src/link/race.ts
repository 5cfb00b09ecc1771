import type { Clock } from "../util/clock.js";
import type { ServerFrame, WireError } from "../core/frames.js";
import type { Link, LinkContext, Transport, TransportName } from "../transports/transport.js";
import type { FallbackReason } from "../types.js";

/** How long a transport has to prove itself, and then to bring `connected`, in ms. */
const PROOF = 3_000;
/**
 * The same at most, in ms: the server holds a stream that proves itself for 10 s, and what comes with its end proves
 * nothing.
 */
const MAX_PROOF = 9_000;
/** How long a candidate goes alone before the next one starts, in ms. */
const HEAD_START = 300;
/**
 * How long a candidate that has proven itself waits for a better one that is still at it, in ms from the row's start.
 */
const GRACE = 600;

/** A link: a candidate that has to prove itself, or the one that carries the session. */
export interface Attempt {
  readonly name: TransportName;
  link?: Link;
  deadline?: unknown;
  /** A frame came back over it. */
  proven?: boolean;
  /** When the session went over to it, by the clock. */
  connectedAt?: number;
}

/** What a race needs. */
export interface RaceConfig {
  readonly clock: Clock;
  readonly transports: Readonly<Record<TransportName, Transport>>;
  readonly context: LinkContext;
  /** Returns how good a transport is: 0 is the best. */
  rank(name: TransportName): number;
  /** Returns the link that carries the session, 0 if there is none. It takes no part in the race. */
  carrier(): number;
  /** Frames came over a link. */
  frames(id: number, frames: ServerFrame[]): void;
  /** `id` is the best candidate: the session should go over it. */
  chosen(id: number, name: TransportName): void;
  /** A link failed: by the server's word, or by what `fault` names. */
  failed(id: number, error?: WireError, fault?: FallbackReason): void;
  /** A link is no longer one of the race's, and is about to be closed. */
  dropped(id: number, attempt: Attempt): void;
  /** Every candidate has failed. */
  over(): void;
}

/** A page's links, and the race of those that are candidates for the session. */
export interface Race {
  readonly links: ReadonlyMap<number, Attempt>;
  /** The last link that was chosen. */
  opened: number;
  /** Starts a row of candidates, one after the other. */
  begin(names: readonly TransportName[]): void;
  /** Starts the next candidate, of another row if one is given; chooses if there is none. */
  next(names?: readonly TransportName[]): void;
  /** Chooses the best candidate that has proven itself, unless a better one may still do so in time. */
  choose(): void;
  /** The link that was chosen has brought `connected`: ends older links, and candidates that are not better. */
  connected(id: number, attempt: Attempt): void;
  /** Ends a link without an event. */
  drop(id: number): void;
  /** Ends the race and every link but `id`. */
  dropAllBut(id: number): void;
}

/** Makes a race without links. */
export function createRace(config: RaceConfig): Race {
  const { clock, rank, carrier, failed } = config;
  const links = new Map<number, Attempt>();
  let lastLink = 0;
  /** Candidates that have not started yet, and when the first one did. */
  let row: readonly TransportName[] = [];
  let startedAt = 0;
  /**
   * The time for a proof; longer after a row that failed as a whole, so that a slow network gets through in the end.
   */
  let proof = PROOF;
  /** Until the next candidate starts. */
  let headStart: unknown;
  /** Until a candidate that has proven itself is chosen in any case. */
  let grace: unknown;

  /** Takes a link for failed if its proof, or `connected`, does not come. */
  const deadline = (id: number): unknown => clock.set(() => failed(id, undefined, "unproven"), proof);

  function next(names = row): void {
    clock.clear(headStart);
    const [name, ...rest] = names;
    if (!name) return choose();
    row = rest;
    const id = ++lastLink;
    const attempt: Attempt = { name, deadline: deadline(id) };
    links.set(id, attempt);
    if (rest.length) headStart = clock.set(() => next(), HEAD_START);
    try {
      attempt.link = config.transports[name](config.context, {
        open() {
          attempt.proven = true;
          choose();
        },
        lost: (error) => failed(id, error),
        frames: (frames) => config.frames(id, frames),
      });
    } catch {
      failed(id); // a URL or a page that this transport cannot go with
    }
  }

  function choose(): void {
    const chosen = links.get(race.opened);
    if (chosen && chosen.connectedAt === undefined) return;
    const candidates = [...links].filter(([id]) => id !== carrier()).sort(([, a], [, b]) => rank(a.name) - rank(b.name));
    const patience = Math.min(startedAt + GRACE - clock.now(), GRACE); // also if the clock was set back
    for (const [id, { name, proven }] of candidates) {
      if (proven) return open(id, name);
      if (patience > 0 && candidates.some(([, a]) => a.proven)) {
        stop();
        grace = clock.set(() => {
          startedAt = -Infinity;
          choose();
        }, patience);
        return;
      }
    }
    if (candidates.length || row.length) return;
    if (!carrier()) proof = Math.min(proof * 2, MAX_PROOF);
    config.over();
  }

  function open(id: number, name: TransportName): void {
    const attempt = links.get(id) as Attempt;
    race.opened = id;
    row = [];
    for (const [other, a] of links) if (other !== carrier() && rank(a.name) > rank(name)) drop(other);
    stop();
    clock.clear(attempt.deadline);
    attempt.deadline = deadline(id);
    config.chosen(id, name);
  }

  function stop(): void {
    clock.clear(headStart);
    clock.clear(grace);
  }

  function drop(id: number): void {
    const attempt = links.get(id);
    links.delete(id);
    if (!attempt) return;
    clock.clear(attempt.deadline);
    config.dropped(id, attempt);
    attempt.link?.close();
  }

  const race: Race = {
    links,
    opened: 0,
    begin(names) {
      startedAt = clock.now();
      next(names);
    },
    next,
    choose,
    connected(link, attempt) {
      proof = PROOF;
      clock.clear(attempt.deadline);
      attempt.connectedAt = clock.now();
      for (const [id, a] of links) if (id !== link && (a.connectedAt !== undefined || rank(a.name) >= rank(attempt.name))) drop(id);
    },
    drop,
    dropAllBut(but) {
      stop();
      row = [];
      for (const id of [...links.keys()]) if (id !== but) drop(id);
    },
  };
  return race;
}
