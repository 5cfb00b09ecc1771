import type { Building } from "./building.js";

/** How full each floor is. */
export function Floors({ building: { floors } }: { building: Building }) {
  return (
    <section className="card floors" aria-labelledby="floors" data-testid="floors">
      <h2 id="floors">Floors</h2>
      <ol>
        {floors.map(({ name, people, seats }) => (
          <li key={name} data-testid="floor">
            <span>{name}</span>
            <span className="count">
              {people} <small>of {seats}</small>
            </span>
            <span className="track" role="meter" aria-valuemin={0} aria-valuemax={seats} aria-valuenow={people} aria-label={name}>
              <span className={people > seats ? "over" : ""} style={{ width: `${Math.min(1, people / seats) * 100}%` }} />
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
