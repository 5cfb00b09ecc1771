import type { ReactNode } from "react";
import type { Building } from "./building.js";
import { span } from "./words.js";

/** The four numbers that somebody at the front desk wants. */
export function Figures({ building }: { building: Building }) {
  const last = building.changes?.findLast((c) => c.kind === "arrived");
  const seats = building.floors.reduce((sum, f) => sum + f.seats, 0);
  return (
    <section className="figures" aria-label="The building now">
      <Figure name="In the building" id="inside-count" note={`of ${seats} seats`}>
        {building.inside.length}
      </Figure>
      <Figure name="Arrivals, 12 hours" id="today" note={`busiest hour ${Math.max(...building.hours.map((h) => h.arrivals))}`}>
        {building.today}
      </Figure>
      <Figure name="Stay, on average" id="stay" note="of those inside">
        {span(building.stay * 1_000)}
      </Figure>
      <Figure name="Last arrival" id="last" note={last ? building.floors[last.floor]?.name ?? "" : "none since this page looks"} small>
        {last ? last.name : "–"}
      </Figure>
    </section>
  );
}

function Figure({ name, id, note, small, children }: { name: string; id: string; note: string; small?: boolean; children: ReactNode }) {
  return (
    <div className="card figure">
      <h2>{name}</h2>
      <p className={small ? "value small" : "value"} data-testid={id} key={String(children)}>
        {children}
      </p>
      <p className="note">{note}</p>
    </div>
  );
}
