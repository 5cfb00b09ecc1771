import type { Compare, CompareView, WayView } from "./compare.js";
import { WINDOW } from "./compare.js";
import { useStore } from "./store.js";
import { span } from "./words.js";

/** Requests and freshness: hints and a slow poll, against the poll every five seconds that this page runs beside them. */
export function Savings({ compare }: { compare: Compare }) {
  const view = useStore(compare);
  const { live, poll, saved } = view;
  return (
    <section className="card savings" aria-labelledby="savings" data-testid="savings">
      <h2 id="savings">Poll less often, and be fresher</h2>
      <p className="note lead">
        This page asks its backend when the bus hints at a change, and once a minute. Beside that it really polls every five seconds, as it did before, to compare.
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">
              <span className="away">Way</span>
            </th>
            <th scope="col">Requests</th>
            <th scope="col">Behind, median</th>
          </tr>
        </thead>
        <tbody>
          <Row way="live" name="Hints" of={live} />
          <Row way="poll" name="Poll, 5 s" of={poll} />
        </tbody>
      </table>
      <p className="verdict" data-testid="saved">
        {saved === null ? "Measuring …" : saved > 0 ? `${Math.round(saved * 100)} % of the requests saved` : "So many changes that hints ask as often as the poll, and are fresher"}
      </p>
      <div className="charts">
        <Requests view={view} />
        <Freshness view={view} />
      </div>
    </section>
  );
}

function Row({ way, name, of }: { way: "live" | "poll"; name: string; of: WayView }) {
  return (
    <tr>
      <th scope="row" className={`key ${way}`}>
        {name}
      </th>
      <td data-testid={`requests-${way}`}>{of.asked.length}</td>
      <td data-testid={`late-${way}`}>{of.median === null ? "–" : span(of.median)}</td>
    </tr>
  );
}

const W = 320;
const H = 130;
const LEFT = 30;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 20;

/** Seconds to the x axis, which ends now and is at least a minute long. */
function scale(seconds: number) {
  const length = Math.min(WINDOW, Math.max(60, seconds));
  const from = seconds - length;
  return { from, length, x: (at: number) => LEFT + ((at - from) / length) * (W - LEFT - RIGHT) };
}

const high = (share: number): number => H - BOTTOM - share * (H - TOP - BOTTOM);

function Requests({ view: { seconds, live, poll } }: { view: CompareView }) {
  const { from, length, x } = scale(seconds);
  const inside = (way: WayView) => way.asked.filter((at) => at >= from);
  const top = Math.max(12, inside(poll).length, inside(live).length);
  const line = (way: WayView): string => {
    const steps = inside(way).map((at, i) => `H${x(at).toFixed(1)} V${high((i + 1) / top).toFixed(1)}`);
    return `M${x(Math.max(0, from)).toFixed(1)} ${high(0)} ${steps.join(" ")} H${x(seconds).toFixed(1)}`;
  };
  return (
    <figure>
      <figcaption>Requests so far</figcaption>
      <svg viewBox={`0 0 ${W} ${H}`} role="img" aria-label={`Requests in the last minutes: ${inside(live).length} with hints, ${inside(poll).length} with the poll`} data-testid="chart-requests">
        <Grid marks={[0, Math.ceil(top / 2), top].map((n) => ({ at: n / top, text: String(n) }))} length={length} />
        <path className="line poll" d={line(poll)} />
        <path className="line live" d={line(live)} />
      </svg>
    </figure>
  );
}

const SLOWEST = 6_000;

function Freshness({ view: { seconds, live, poll } }: { view: CompareView }) {
  const { from, length, x } = scale(seconds);
  const dots = (way: WayView, name: string) =>
    way.seen.filter((s) => s.at >= from).map((s) => (
      <circle key={`${name}${s.at}`} className={`dot ${name}`} cx={x(s.at)} cy={high(Math.min(1, s.late / SLOWEST))} r={4} />
    ));
  return (
    <figure>
      <figcaption>How late each change was seen</figcaption>
      <svg viewBox={`0 0 ${W} ${H}`} role="img" aria-label="How late each change was seen, in seconds" data-testid="chart-freshness">
        <Grid marks={[0, 2, 4, 6].map((s) => ({ at: (s * 1_000) / SLOWEST, text: `${s} s` }))} length={length} />
        {dots(poll, "poll")}
        {dots(live, "live")}
      </svg>
    </figure>
  );
}

function Grid({ marks, length }: { marks: { at: number; text: string }[]; length: number }) {
  return (
    <g className="grid">
      {marks.map(({ at, text }) => (
        <g key={text}>
          <line x1={LEFT} x2={W - RIGHT} y1={high(at)} y2={high(at)} />
          <text x={LEFT - 6} y={high(at) + 4} textAnchor="end">
            {text}
          </text>
        </g>
      ))}
      <text x={LEFT} y={H - 5}>
        {length > 90 ? `${Math.round(length / 60)} min ago` : "1 min ago"}
      </text>
      <text x={W - RIGHT} y={H - 5} textAnchor="end">
        now
      </text>
    </g>
  );
}
