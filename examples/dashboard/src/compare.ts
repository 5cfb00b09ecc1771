import { visitors, type Building } from "./building.js";
import { Store } from "./store.js";

export type Way = "live" | "poll";

export interface Seen {
  /** When it changed, in seconds since the page was opened. */
  readonly at: number;
  /** How long it took until this page could show it, in ms. */
  readonly late: number;
}

export interface WayView {
  /** When it asked, in seconds since the page was opened. */
  readonly asked: readonly number[];
  readonly seen: readonly Seen[];
  /** Of `late`, in ms; null where nothing changed yet. */
  readonly median: number | null;
}

export interface CompareView {
  readonly seconds: number;
  readonly live: WayView;
  readonly poll: WayView;
  /** Requests that hints save, as a share of those of the poll. */
  readonly saved: number | null;
}

/** What the page did before it had a bus, in ms. */
const OLD_INTERVAL = 5_000;
/** How far back the charts go, in seconds. */
export const WINDOW = 300;

class Tally {
  asked: number[] = [];
  seen: Seen[] = [];
  last = 0;

  view(): WayView {
    const late = this.seen.map((s) => s.late).sort((a, b) => a - b);
    return { asked: this.asked, seen: this.seen, median: late[Math.floor(late.length / 2)] ?? null };
  }
}

/** Counts the requests of hints and of the old poll, which this page really runs beside them, and how late each learns of a change. */
export class Compare extends Store<CompareView> {
  private readonly opened = performance.now();
  private readonly tallies: Record<Way, Tally> = { live: new Tally(), poll: new Tally() };
  /** Changes up to here happened before the page looked. */
  private base: number | undefined;

  constructor() {
    super();
    setInterval(() => this.changed(), 1_000);
    setInterval(() => void this.measure("poll", visitors).catch(() => {}), OLD_INTERVAL);
    void this.measure("poll", visitors).catch(() => {});
  }

  async measure(way: Way, ask: () => Promise<Building>): Promise<Building> {
    const begun = performance.now();
    this.tallies[way].asked = [...this.tallies[way].asked, (begun - this.opened) / 1_000];
    this.changed();
    const building = await ask();
    this.learn(way, building, begun);
    return building;
  }

  private learn(way: Way, { now, changes }: Building, begun: number): void {
    const tally = this.tallies[way];
    const there = performance.now();
    const newest = changes?.at(-1)?.n ?? 0;
    this.base ??= newest;
    for (const { n, at } of changes ?? []) {
      if (n <= Math.max(this.base, tally.last)) continue;
      const late = Math.max(0, now - at) + (there - begun) / 2; // the answer was half a round trip on its way
      tally.seen = [...tally.seen.slice(-499), { at: (there - late - this.opened) / 1_000, late }];
    }
    tally.last = Math.max(tally.last, newest);
    this.changed();
  }

  protected look(): CompareView {
    const [live, poll] = [this.tallies.live.view(), this.tallies.poll.view()];
    const saved = poll.asked.length > 2 ? 1 - live.asked.length / poll.asked.length : null;
    return { seconds: (performance.now() - this.opened) / 1_000, live, poll, saved };
  }
}
