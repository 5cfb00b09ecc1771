import { useEffect, useRef, useState } from "react";
import { tell, type Building, type Change } from "./building.js";
import { clock } from "./words.js";

/** Lets the visitor of the page change something at the backend, and says how soon the page shows it. */
export function Door({ building }: { building: Building }) {
  const [said, setSaid] = useState("Each click asks the backend, which then hints on the bus: every page that is open shows it.");
  const waiting = useRef<{ change: Change; begun: number } | null>(null);
  const newest = building.changes?.at(-1)?.n ?? 0;

  const settle = () => {
    const w = waiting.current;
    if (!w || newest < w.change.n) return;
    waiting.current = null;
    const { name, kind } = w.change;
    setSaid(`${name} ${kind === "arrived" ? "came in" : "went home"}: shown here ${Math.round(performance.now() - w.begun)} ms after the click.`);
  };
  useEffect(settle, [newest]);

  const move = async (what: "arrivals" | "departures") => {
    const begun = performance.now();
    try {
      waiting.current = { change: await tell<Change>(what), begun };
      settle();
    } catch (error) {
      setSaid((error as Error).message);
    }
  };
  return (
    <section className="card door" aria-labelledby="door">
      <h2 id="door">The front door</h2>
      <div className="buttons">
        <button type="button" className="primary" onClick={() => move("arrivals")} data-testid="arrive">
          Let somebody in
        </button>
        <button type="button" onClick={() => move("departures")} data-testid="leave">
          See somebody out
        </button>
      </div>
      <p className="note" role="status" data-testid="door-said">
        {said}
      </p>
      <ol className="moves">
        {building.changes?.slice(-4).reverse().map(({ n, kind, name, floor, at }) => (
          <li key={n} data-testid="move">
            <span className="who">{name}</span>
            <small>
              {kind === "arrived" ? building.floors[floor]?.name : "went home"}, {clock(new Date(at)).slice(0, 8)}
            </small>
          </li>
        ))}
      </ol>
    </section>
  );
}
