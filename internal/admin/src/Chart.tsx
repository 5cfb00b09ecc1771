import { useEffect, useRef } from "react";
import uPlot from "uplot";
import type { Moment } from "./rates";

const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = (n: number) => (n >= 10_000 ? `${Math.round(n / 1000)}k` : n >= 100 || Number.isInteger(n) ? String(Math.round(n)) : n.toFixed(1));

/** A line of the last minutes for each of `lines`. */
export function Chart({ title, moments, lines }: { title: string; moments: Moment[]; lines: { name: string; of: keyof Moment; color: string }[] }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const data = [moments.map((m) => m.at), ...lines.map((l) => moments.map((m) => m[l.of]))] as uPlot.AlignedData;
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const draw = () => {
      plot.current?.destroy();
      const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
      plot.current = new uPlot(
        {
          width: place.current!.clientWidth,
          height: 180,
          legend: { show: false },
          cursor: { show: false },
          scales: { y: { range: (_, __, most) => [0, Math.max(1, (most ?? 0) * 1.1)] } },
          axes: [
            { ...axis, size: 28, values: (_, at) => at.map((t) => new Date(t * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" })), space: 90 },
            { ...axis, size: 44, values: (_, at) => at.map(short) },
          ],
          series: [{}, ...lines.map((l) => ({ label: l.name, stroke: color(l.color), width: 2, points: { show: false } }))],
        },
        latest.current,
        place.current!,
      );
    };
    draw();
    const size = new ResizeObserver(() => plot.current?.setSize({ width: place.current!.clientWidth, height: 180 }));
    size.observe(place.current!);
    dark.addEventListener("change", draw);
    return () => {
      size.disconnect();
      dark.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, []);
  useEffect(() => plot.current?.setData(data), [moments]);
  const now = moments.at(-1);
  return (
    <figure className="card chart">
      <figcaption>
        <h3>{title}</h3>
        <p>
          {lines.map((l) => (
            <span key={l.name} className={`key ${l.color.slice(2)}`}>
              {l.name} <strong>{now ? short(now[l.of]) : "…"}</strong>
            </span>
          ))}
        </p>
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}
