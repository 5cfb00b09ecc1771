import type { Building } from "./building.js";

/** Arrivals per hour; the last bar is the hour that is not over. */
export function Hours({ building: { hours } }: { building: Building }) {
  const most = Math.max(8, ...hours.map((h) => h.arrivals));
  return (
    <section className="card hours" aria-labelledby="hours" data-testid="hours">
      <h2 id="hours">Arrivals per hour</h2>
      <ol>
        {hours.map(({ start, arrivals }, i) => {
          const now = i === hours.length - 1;
          const name = now ? "now" : String(new Date(start).getHours()).padStart(2, "0");
          return (
            <li key={start} className={now ? "now" : ""} data-testid="hour" data-arrivals={arrivals}>
              <span className="stem">
                <span className="bar" style={{ height: `${(arrivals / most) * 100}%` }} />
                <span className="number" style={{ bottom: `${(arrivals / most) * 100}%` }}>
                  {arrivals}
                </span>
              </span>
              <span className="hour">{name}</span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
