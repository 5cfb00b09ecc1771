// How fast the admin page is beside many connections: `node internal/admin/many.mjs [connections]`. Each has a channel of its own.
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { chrome, closeChrome } from "../../clientjs/e2e/clients.mjs";
import { serve } from "../../clientjs/e2e/tidings.mjs";

const many = Number(process.argv[2] ?? 10_000);
const server = await serve({ TIDINGS_LIMITS_CONNECTS: "100000", TIDINGS_LOG_LEVEL: "warn" });
const sockets = [];
try {
  const connect = (i) =>
    new Promise((resolve, reject) => {
      const ws = new WebSocket(`${server.url.replace("http", "ws")}/bus/ws`);
      sockets.push(ws);
      ws.on("error", reject);
      ws.on("open", () => ws.send(`{"type":"connect"}`));
      ws.on("message", (text) => {
        if (String(text).includes('"connected"')) ws.send(`{"type":"subscribe","id":1,"channel":"load/${i}"}`);
        if (String(text).includes('"subscribed"')) resolve();
      });
    });
  for (let i = 0; i < many; i += 50) await Promise.all(Array.from({ length: Math.min(50, many - i) }, (_, n) => connect(i + n)));
  const beat = setInterval(() => sockets.forEach((ws) => ws.send(`{"type":"ping","id":2}`)), 20_000);
  for (let i = 0; i < 20; i++) await server.publish("load/7", i);
  const ask = (path, init) => fetch(`${server.url}/api/${path}`, init).then(async (r) => (r.ok ? r.json() : Promise.reject(await r.text())));
  const [{ connection }] = (await ask("connections?channel=load/7")).connections;
  const calls = {
    stats: () => ask("stats"),
    cluster: () => ask("cluster"),
    channels: () => ask("channels?limit=100"),
    "channels by prefix": () => ask("channels?limit=100&prefix=load/99"),
    connections: () => ask("connections?limit=100"),
    "connections of a channel": () => ask("connections?limit=50&channel=load/7"),
    history: () => ask("history?limit=50&channel=load/7"),
    presence: () => ask("presence?limit=50&channel=load/7"),
    why: () => ask(`why?channel=load/7&offset=3&connection=${connection}`),
    refusals: () => ask("refusals"),
    settings: () => ask("settings"),
    explain: () => ask("explain", { method: "POST", headers: { "content-type": "application/json" }, body: '{"channel":"load/7"}' }),
  };
  console.log(`${many} connections, each in a channel of its own`);
  for (const [name, call] of Object.entries(calls)) {
    const took = [];
    for (let i = 0; i < 100; i++) {
      const began = performance.now();
      await call();
      took.push(performance.now() - began);
      await sleep(5);
    }
    took.sort((a, b) => a - b);
    console.log(`${name.padEnd(26)} p50 ${took[50].toFixed(1).padStart(7)} ms   p95 ${took[95].toFixed(1).padStart(7)} ms`);
  }
  const page = await (await chrome()).newPage();
  await page.goto(`${server.url}/healthz`); // the browser has started
  for (const [view, table] of [["channels", "channels"], ["connections", "connections"], ["overview", "transports"]]) {
    const began = performance.now();
    await page.goto(`${server.url}/admin/#${view}`);
    await page.getByTestId(table).locator("tbody tr").first().waitFor();
    console.log(`first table of ${view.padEnd(12)} after ${(performance.now() - began).toFixed(0)} ms`);
    await page.goto("about:blank");
  }
  clearInterval(beat);
} finally {
  sockets.forEach((ws) => ws.terminate());
  await closeChrome();
  await server.stop();
}
