// Draws what polling.mjs measured, as an SVG that follows the reader's light or dark theme.
const WIDTH = 760;
const HEIGHT = 320;
const PLOT = { left: 330, right: 740, top: 52, bottom: 268 };
const [LEAST, MOST] = [10, 6_000]; // ms

const plain = (name) => name.replaceAll("`", "").replaceAll('"', "");
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const x = (ms) => PLOT.left + ((PLOT.right - PLOT.left) * Math.log(Math.max(ms, LEAST) / LEAST)) / Math.log(MOST / LEAST);
const y = (share) => PLOT.bottom - (PLOT.bottom - PLOT.top) * share;

export function chart(rows) {
  const most = Math.max(...rows.map((r) => r.perMinute));
  const bars = rows.map((r, i) => {
    const top = 64 + i * 72;
    const width = Math.max(3, (215 * r.perMinute) / most);
    return `<text x="20" y="${top}">${escaped(plain(r.name))}</text>
  <rect class="w${i}" x="20" y="${top + 8}" width="${width.toFixed(1)}" height="20" rx="4"/>
  <text class="figure" x="${(28 + width).toFixed(1)}" y="${top + 23}">${r.perMinute.toFixed(1)}</text>`;
  });
  const lines = rows.map((r, i) => {
    const points = Array.from({ length: 101 }, (_, k) => {
      const ms = r.stale[Math.min(r.stale.length - 1, Math.floor((r.stale.length * k) / 100))];
      return `${x(ms).toFixed(1)},${y(k / 100).toFixed(1)}`;
    });
    return `<polyline class="line w${i}" points="${points.join(" ")}"/>`;
  });
  const ticks = [10, 100, 1_000, 5_000].map(
    (ms) => `<line class="grid" x1="${x(ms).toFixed(1)}" x2="${x(ms).toFixed(1)}" y1="${PLOT.top}" y2="${PLOT.bottom}"/>
  <text class="tick" text-anchor="middle" x="${x(ms).toFixed(1)}" y="${PLOT.bottom + 18}">${ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`}</text>`,
  );
  const shares = [0, 0.5, 1].map(
    (share) => `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(share)}" y2="${y(share)}"/>
  <text class="tick" text-anchor="end" x="${PLOT.left - 6}" y="${y(share) + 4}">${share * 100} %</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Requests per minute and staleness: polling every five seconds against useBusQuery">
  <style>
    svg { font: 13px system-ui, sans-serif; background: #fff; fill: #1d2733 }
    .w0 { fill: #c2410c; stroke: #c2410c } .w1 { fill: #0f766e; stroke: #0f766e } .w2 { fill: #4f46e5; stroke: #4f46e5 }
    .line { fill: none; stroke-width: 2.5; stroke-linejoin: round } .grid { stroke: #d7dde5 } .tick { fill: #5b6878; font-size: 12px }
    .title { font-weight: 600 } .figure { font-weight: 600 }
    @media (prefers-color-scheme: dark) {
      svg { background: #12171e; fill: #e6ebf1 } .grid { stroke: #2c3642 } .tick { fill: #9aa7b6 }
      .w0 { fill: #fb923c; stroke: #fb923c } .w1 { fill: #2dd4bf; stroke: #2dd4bf } .w2 { fill: #a5b4fc; stroke: #a5b4fc }
    }
  </style>
  <text class="title" x="20" y="28">Requests per minute and dashboard</text>
  ${bars.join("\n  ")}
  <text class="title" x="${PLOT.left}" y="28">Share of changes that are shown after at most …</text>
  ${[...ticks, ...shares, ...lines].join("\n  ")}
  <text class="tick" text-anchor="end" x="${PLOT.right}" y="${PLOT.bottom + 38}">staleness, logarithmic</text>
</svg>
`;
}
