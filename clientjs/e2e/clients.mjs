// Clients under test with one interface: a bus in this process, and a bus in a page of real Chromium. Each keeps a log
// of its callbacks.
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { chromium } from "playwright-core";
import { createMessageBus } from "../dist/tidings.js";

export const transports = ["websocket", "sse", "poll"];

/** A client in Node, over one transport. */
export async function nodeClient(url, channel, names) {
  const log = [];
  const bus = createMessageBus({ url: `${url}/bus`, transports: names, WebSocket });
  await new Promise((resolve) =>
    bus.subscribe(channel, (payload) => log.push({ message: payload }), { onGap: (gap) => log.push({ gap }), onSubscribed: resolve }),
  );
  return {
    name: `node over ${names.join(", ")}`,
    log: async () => [...log],
    use: async (n) => bus.use(n),
    status: async () => ({ state: bus.status.state, transport: bus.status.transport }),
    close: async () => bus.close(),
  };
}

let browser;

export async function chrome() {
  browser ??= await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
  });
  return browser;
}

export async function closeChrome() {
  await browser?.close();
  browser = undefined;
}

/** A client in a page of its own, over one transport, with the client as the server serves it. */
export async function pageClient(url, channel, names) {
  const page = await (await chrome()).newPage();
  await page.goto(`${url}/healthz`);
  await page.evaluate(
    async ({ channel, names }) => {
      const { createMessageBus } = await import("/client/tidings.js");
      const log = (window.log = []);
      const bus = (window.bus = createMessageBus({ transports: names }));
      await new Promise((resolve) =>
        bus.subscribe(channel, (payload) => log.push({ message: payload }), { onGap: (gap) => log.push({ gap }), onSubscribed: resolve }),
      );
    },
    { channel, names },
  );
  return {
    name: `Chromium over ${names.join(", ")}`,
    log: () => page.evaluate(() => window.log),
    use: (n) => page.evaluate((n) => window.bus.use(n), n),
    status: () => page.evaluate(() => ({ state: window.bus.status.state, transport: window.bus.status.transport })),
    close: () => page.close(),
  };
}

/** Waits until `holds` gives something true, which it gives back. */
export async function until(what, holds, limitMs = 20_000) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not in ${limitMs} ms: ${what}`);
    await sleep(20);
  }
}

/** Waits until the client has heard everything up to an offset, or was told of a gap that ends there or later. */
export async function caughtUp(client, offsetOf, top, limitMs = 30_000) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const log = await client.log();
    const last = log.at(-1);
    const offset = last?.gap?.from.offset ?? offsetOf(last?.message.n) ?? 0;
    if (offset >= top) return log;
    if (Date.now() > deadline) throw new Error(`${client.name}: heard up to ${offset} of ${top}; ${JSON.stringify(await client.status())}`);
    await sleep(50);
  }
}

/** Waits until the client is connected. */
export async function connected(client, limitMs = 60_000) {
  const deadline = Date.now() + limitMs;
  while ((await client.status()).state !== "connected") {
    if (Date.now() > deadline) throw new Error(`${client.name} did not come back: ${JSON.stringify(await client.status())}`);
    await sleep(50);
  }
}
