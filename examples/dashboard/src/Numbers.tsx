import type { Feed } from "./feed.js";
import { useStore } from "./store.js";

/** How much came, how fast, and whether anything may be missing. */
export function Numbers({ feed }: { feed: Feed }) {
  const { total, gaps, rows, seconds } = useStore(feed);
  const first = rows[0];
  const place = first && ("gap" in first ? first.gap.from.offset : first.message.offset);
  return (
    <section className="card numbers" aria-label="Numbers">
      <dl>
        <div>
          <dt>Messages</dt>
          <dd data-testid="count">{total}</dd>
        </div>
        <div>
          <dt>A second</dt>
          <dd data-testid="rate">{seconds.at(-1)}</dd>
        </div>
        <div>
          <dt>Offset</dt>
          <dd data-testid="offset">{place ?? "–"}</dd>
        </div>
        <div className={gaps ? "bad" : ""}>
          <dt>Gaps</dt>
          <dd data-testid="gaps">{gaps}</dd>
        </div>
      </dl>
      <Chart seconds={seconds} />
    </section>
  );
}

const BAR = 10;
const HEIGHT = 48;

function Chart({ seconds }: { seconds: readonly number[] }) {
  const top = Math.max(5, ...seconds);
  return (
    <svg className="chart" viewBox={`0 0 ${seconds.length * BAR} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`Messages a second in the last minute, at most ${Math.max(...seconds)}`}>
      {seconds.map((n, i) => {
        const height = n === 0 ? 1 : Math.max(3, (n / top) * HEIGHT);
        return <rect key={i} className={n ? "some" : ""} x={i * BAR + 1.5} y={HEIGHT - height} width={BAR - 3} height={height} />;
      })}
    </svg>
  );
}
