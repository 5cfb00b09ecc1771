import type { Building } from "./building.js";
import { span } from "./words.js";

const SHOWN = 60;

/** Who is in the building, the newest first. */
export function Inside({ building: { inside, floors, now } }: { building: Building }) {
  return (
    <section className="card inside" aria-labelledby="inside" data-testid="inside">
      <h2 id="inside">
        In the building <small>{inside.length}</small>
      </h2>
      <ol tabIndex={0} aria-labelledby="inside">
        {inside.toReversed().slice(0, SHOWN).map(({ id, name, floor, since }) => (
          <li key={id} data-testid="visitor">
            <span className={`face f${floor}`} aria-hidden="true">
              {name.split(" ").map((word) => word[0]).join("").slice(0, 2)}
            </span>
            <span className="who">{name}</span>
            <small>
              {floors[floor]?.name}, {now - since < 60_000 ? "just now" : span(now - since)}
            </small>
          </li>
        ))}
      </ol>
    </section>
  );
}
