// What useBusQuery saves against polling every five seconds: a real HTTP backend, the real server, real time, the same changes for all.
//   npm run study:polling [-- --seconds 150 --dashboards 100 --seed 1 --write]
// --write puts the table into docs/PERFORMANCE.md and the picture into docs/polling.svg.
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { createMessageBus } from "tidings";
import { liveQuery } from "tidings/live";
import { serve } from "../e2e/tidings.mjs";
import { chart } from "./chart.mjs";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "150" }, dashboards: { type: "string", default: "100" }, seed: { type: "string", default: "1" }, write: { type: "boolean" } } });
const [seconds, dashboards, seed] = [values.seconds, values.dashboards, values.seed].map(Number);
const MEAN = 12; // seconds between two changes, at random
const ANSWER = 20; // ms that the backend takes

/** A random source of one seed (mulberry32). */
function seeded(n) {
  return () => {
    n = (n + 0x6d2b79f5) | 0;
    let t = Math.imul(n ^ (n >>> 15), 1 | n);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A backend with one number. It counts who asked, and when. */
async function openBackend() {
  const backend = { version: 0, changed: [performance.now()], asked: {} };
  const server = createServer(async (request, response) => {
    (backend.asked[request.url.slice(1)] ??= []).push(performance.now());
    const { version } = backend;
    await sleep(ANSWER);
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ version }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  return Object.assign(backend, {
    ask: async (who, signal) => (await (await fetch(`${url}/${who}`, { signal })).json()).version,
    close: () => (server.closeAllConnections(), server.close()),
  });
}

/** A dashboard: when it first showed each version. */
function createScreen() {
  let shown = 0;
  const at = [performance.now()];
  return {
    at,
    show(version) {
      while (shown < version) at[++shown] = performance.now();
    },
  };
}

const server = await serve();
const backend = await openBackend();
const random = seeded(seed);
const ends = [];
const ways = {
  "polling every 5 s": { open: openPolling },
  "`useBusQuery`": { channel: "visitors", open: openLive },
  "`useBusQuery`, hints with `spread: \"5s\"`": { channel: "visitors-spread", spread: "5s", open: openLive },
};

function openPolling(way, screen) {
  let timer;
  const poll = () => {
    void backend.ask(way.name, undefined).then(screen.show, () => {}); // at the end the backend is gone
    timer = setTimeout(poll, 5_000);
  };
  timer = setTimeout(poll, random() * 5_000);
  ends.push(() => clearTimeout(timer));
}

function openLive(way, screen) {
  const bus = createMessageBus({ url: `${server.url}/bus`, WebSocket });
  const query = liveQuery(bus, { channel: way.channel, fetch: ({ signal }) => backend.ask(way.name, signal) });
  const leave = query.onChange(() => query.state.data !== undefined && screen.show(query.state.data));
  ends.push(() => (leave(), bus.close()));
}

let n = 0;
for (const way of Object.values(ways)) {
  way.name = `way${n++}`;
  way.screens = Array.from({ length: dashboards }, createScreen);
  for (const screen of way.screens) way.open(way, screen);
}
await sleep(6_000); // all are open, and have asked as a page does at first
for (const way of Object.values(ways)) backend.asked[way.name] = [];

const start = performance.now();
for (;;) {
  const wait = -Math.log(1 - random()) * MEAN * 1_000;
  if (performance.now() + wait > start + seconds * 1_000) break;
  await sleep(wait);
  backend.changed[++backend.version] = performance.now();
  await Promise.all(Object.values(ways).filter((w) => w.channel).map((w) => server.publish(w.channel, null, w.spread ? { spread: w.spread } : {})));
}
await sleep(start + seconds * 1_000 - performance.now());
const counted = Object.values(ways).map((way) => backend.asked[way.name].length);
await sleep(7_000); // what changed last is seen by all
const missed = [];
const rows = Object.entries(ways).map(([name, way], i) => {
  const stale = [];
  for (const screen of way.screens) {
    for (let v = 1; v <= backend.version; v++) {
      if (screen.at[v] === undefined) missed.push(`${name}: ${v}`);
      else stale.push(Math.max(0, screen.at[v] - backend.changed[v]));
    }
  }
  stale.sort((a, b) => a - b);
  const perSecond = {};
  for (const at of backend.asked[way.name]) perSecond[Math.floor((at - start) / 100)] = (perSecond[Math.floor((at - start) / 100)] ?? 0) + 1;
  return {
    name,
    perMinute: counted[i] / dashboards / (seconds / 60),
    peak: Math.max(...Object.values(perSecond)),
    median: stale[Math.floor(stale.length / 2)],
    p99: stale[Math.floor(stale.length * 0.99)],
    stale,
  };
});
for (const end of ends) end();
backend.close();
await server.stop();
if (missed.length) throw new Error(`not seen within 7 s: ${missed.slice(0, 5).join("; ")} …`);

const ms = (x) => (x >= 1_000 ? `${(x / 1_000).toFixed(1)} s` : `${Math.round(x)} ms`);
const table = [
  "| way | requests per minute and dashboard | most requests in 100 ms | staleness, median | p99 |",
  "|---|---|---|---|---|",
  ...rows.map((r) => `| ${r.name} | ${r.perMinute.toFixed(1)} | ${r.peak} | ${ms(r.median)} | ${ms(r.p99)} |`),
].join("\n");
const said = `${dashboards} dashboards of each kind, ${backend.version} changes in ${seconds} s (seed ${seed}), a backend that takes ${ANSWER} ms, all on one machine of ${cpus().length} cores.`;
console.log(`${table}\n\n${said}`);
if (values.write) {
  const at = (path) => fileURLToPath(new URL(`../../docs/${path}`, import.meta.url));
  writeFileSync(at("polling.svg"), chart(rows));
  const page = readFileSync(at("PERFORMANCE.md"), "utf8");
  const [begin, end] = ["<!-- study:polling -->", "<!-- /study:polling -->"];
  if (!page.includes(begin)) throw new Error(`docs/PERFORMANCE.md has no ${begin}`);
  writeFileSync(at("PERFORMANCE.md"), page.slice(0, page.indexOf(begin)) + `${begin}\n${table}\n\n${said}\n${end}` + page.slice(page.indexOf(end) + end.length));
}
