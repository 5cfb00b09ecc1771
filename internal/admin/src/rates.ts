/** What happens per second, from counts that only grow. */
import { useEffect, useRef, useState } from "react";
import { get, type Refused, type Stats } from "./api";
import { asRefused } from "./ui";

/** A moment: its time in seconds, connections, and per second what was published, delivered and refused. */
export interface Moment {
  at: number;
  connections: number;
  published: number;
  delivered: number;
  refused: number;
}

export const every = 2000;
const kept = 150; // moments: five minutes

export const connected = (s: Stats): number => Object.values(s.connections).reduce((a, b) => a + b, 0);

function moment(before: Stats | undefined, now: Stats): Moment {
  const seconds = before ? Math.max(0.001, (now.time - before.time) / 1000) : 1;
  const rate = (of: (s: Stats) => number) => (before ? Math.max(0, of(now) - of(before)) / seconds : 0);
  return { at: now.time / 1000, connections: connected(now), published: rate((s) => s.published), delivered: rate((s) => s.delivered), refused: rate((s) => s.refused) };
}

/** Asks for the counts as long as the page is looked at, and remembers the last minutes. */
export function useRates(): { stats?: Stats | undefined; moments: Moment[]; error?: Refused | undefined } {
  const [state, set] = useState<{ stats?: Stats; moments: Moment[]; error?: Refused }>({ moments: [] });
  const last = useRef<Stats>(undefined);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let over = false;
    const run = async () => {
      if (!document.hidden) {
        try {
          const stats = await get<Stats>("stats");
          const point = moment(last.current, stats);
          const first = !last.current;
          last.current = stats;
          if (!over) set((s) => ({ stats, moments: first ? s.moments : [...s.moments, point].slice(-kept) }));
        } catch (error) {
          if (!over) set((s) => ({ ...s, error: asRefused(error) }));
        }
      }
      if (!over) timer = setTimeout(run, every);
    };
    void run();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, []);
  return state;
}
