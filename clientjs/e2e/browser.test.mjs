// What happens to a browser, and what a page must make of it: the network's own view of "offline", a frozen tab, the
// back/forward cache, a laptop that sleeps, a reload in the middle of a recovery, a browser that keeps nothing. Real
// Chromium, the real binary.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import { check } from "./checker.mjs";
import { caughtUp, until } from "./clients.mjs";
import { cutter } from "./cutter.mjs";
import { Publisher, serve } from "./tidings.mjs";

const transports = ["websocket", "sse", "poll"];

/** A browser of its own, whose processes a test may stop. */
async function launch() {
  const server = await chromium.launchServer({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
  const browser = await chromium.connect(server.wsEndpoint());
  const cdp = await browser.newBrowserCDPSession();
  const processes = async (type) => (await cdp.send("SystemInfo.getProcessInfo")).processInfo.filter((p) => !type || p.type === type).map((p) => p.id);
  return { browser, processes, close: () => server.close() };
}

/** A page that listens, and keeps what it hears. */
async function listen(context, url, channel, names, { before, at = "/healthz" } = {}) {
  const page = await context.newPage();
  if (before) await page.addInitScript(before);
  await page.goto(url + at);
  await start(page, channel, names);
  return {
    page,
    name: `Chromium over ${names}`,
    log: () => page.evaluate(() => window.log),
    status: () => page.evaluate(() => ({ state: window.bus.status.state, transport: window.bus.status.transport })),
  };
}

const start = (page, channel, names) =>
  page.evaluate(
    async ({ channel, names }) => {
      const { createMessageBus } = await import("/client/tidings.js");
      const log = (window.log = []);
      const bus = (window.bus = createMessageBus(names ? { transports: names } : {}));
      await new Promise((resolve) =>
        bus.subscribe(channel, (payload) => log.push({ message: payload }), { onGap: (gap) => log.push({ gap }), onSubscribed: resolve }),
      );
    },
    { channel, names },
  );

/** Stops publishing and compares what was published with what the page heard. */
async function verdict(publisher, client) {
  const published = await publisher.stop();
  const offsets = new Map(published.map((p) => [p.n, p.offset]));
  return check(published, await caughtUp(client, (n) => offsets.get(n), published.at(-1).offset));
}

const stop = (pids) => pids.forEach((pid) => process.kill(pid, "SIGSTOP"));
const go = (pids) => pids.forEach((pid) => process.kill(pid, "SIGCONT"));

describe("a browser", { timeout: 400_000 }, () => {
  let server, short;
  before(async () => {
    server = await serve({ TIDINGS_HEARTBEAT: "2s", TIDINGS_PARK: "3s" });
    short = await serve({ TIDINGS_HEARTBEAT: "2s", TIDINGS_PARK: "3s", TIDINGS_HISTORY_AGE: "5s" });
  });
  after(() => Promise.all([server.stop(), short.stop()]));

  for (const transport of transports) {
    test(`F55 is offline for 4 s, over ${transport}: every message once, in order, no gap`, async (t) => {
      const { browser, close } = await launch();
      t.after(close);
      const context = await browser.newContext();
      const client = await listen(context, server.url, `offline/${transport}`, [transport]);
      const publisher = new Publisher(server, `offline/${transport}`, 20);
      await sleep(500);
      await context.setOffline(true);
      await sleep(4_000);
      await context.setOffline(false);
      await sleep(500);
      const v = await verdict(publisher, client);
      assert.deepEqual([v.violations, v.gaps], [[], 0]);
    });

    test(`F56 freezes the tab for 6 s, over ${transport}: nothing is missed, nothing is asked twice`, async (t) => {
      const { browser, processes, close } = await launch();
      t.after(close);
      const client = await listen(await browser.newContext(), server.url, `frozen/${transport}`, [transport]);
      const publisher = new Publisher(server, `frozen/${transport}`, 20);
      await sleep(500);
      const renderers = await processes("renderer");
      assert.ok(renderers.length > 0);
      stop(renderers);
      await sleep(6_000);
      go(renderers);
      await sleep(500);
      const v = await verdict(publisher, client);
      assert.deepEqual([v.violations, v.gaps], [[], 0]);
    });

    for (const [name, seconds, of, gaps] of [["2 s", 2, () => server, 0], ["16 s, longer than its session lives", 16, () => server, 0], ["24 s, longer than history", 24, () => short, 1]]) {
      if (gaps > 0 && transport !== "websocket") continue; // how long it is away decides, not what it comes back over
      test(`F58 sleeps for ${name}, over ${transport}: ${gaps} gaps`, async (t) => {
        const { browser, processes, close } = await launch();
        t.after(close);
        const channel = `asleep/${transport}/${seconds}/${gaps}`;
        const client = await listen(await browser.newContext(), of().url, channel, [transport]);
        const publisher = new Publisher(of(), channel, 10);
        await sleep(500);
        const all = await processes();
        stop(all);
        await sleep(seconds * 1_000);
        go(all);
        await sleep(1_000);
        const v = await verdict(publisher, client);
        assert.deepEqual([v.violations, v.gaps], [[], gaps]);
      });
    }

    test(`F61 reloads its page in the middle of a recovery, over ${transport}: it starts anew, in order and without a gap`, async (t) => {
      const { browser, close } = await launch();
      const net = await cutter(server.port);
      t.after(() => Promise.all([close(), net.close()]));
      const channel = `reload/${transport}`;
      const client = await listen(await browser.newContext(), net.url, channel, [transport]);
      net.cut();
      await Promise.all(Array.from({ length: 900 }, (_, n) => server.publish(channel, { n: -n, text: "x".repeat(2_000) })));
      net.heal();
      await until("the recovery has begun", async () => (await client.log()).length > 0);
      await client.page.reload();
      await start(client.page, channel, [transport]);
      const publisher = new Publisher(server, channel, 20);
      await sleep(1_000);
      const v = await verdict(publisher, client);
      assert.deepEqual([v.violations, v.gaps], [[], 0]);
      await until("the connection of before is gone", async () => (await server.metric("tidings_connections_parked")) === 0);
    });
  }

  test("F57 keeps the page in its back/forward cache: it goes on where it was", async (t) => {
    const { browser, close } = await launch();
    t.after(close);
    // What is answered with no-store, as /healthz is, is not kept.
    const client = await listen(await browser.newContext(), server.url, "cached", ["websocket"], { at: "/client/tidings.js" });
    const { page } = client;
    await page.evaluate(() => addEventListener("pageshow", (e) => (window.persisted = e.persisted)));
    const cdp = await page.context().newCDPSession(page);
    const publisher = new Publisher(server, "cached", 20);
    await sleep(500);
    const { currentIndex, entries } = await cdp.send("Page.getNavigationHistory");
    await cdp.send("Page.navigate", { url: `${server.url}/readyz` });
    await until("its connection waits, or is gone", async () => (await server.metric("tidings_connections")) === 0);
    await sleep(500);
    // The session of before belongs to the page in the cache, which stands still.
    const now = await page.context().newCDPSession(page);
    await now.send("Page.navigateToHistoryEntry", { entryId: entries[currentIndex].id }).catch(() => {});
    await until("it is back out of the cache", () => page.evaluate(() => window.persisted === true).catch(() => false));
    await sleep(500);
    const v = await verdict(publisher, client);
    assert.deepEqual([v.violations, v.gaps], [[], 0]);
  });

  test("F62 keeps nothing and throws when it is asked to: the client works, and still finds another way than WebSocket", async (t) => {
    const { browser, close } = await launch();
    const net = await cutter(server.port);
    net.swallows = /^GET \/bus\/ws/;
    t.after(() => Promise.all([close(), net.close()]));
    const client = await listen(await browser.newContext(), net.url, "private", undefined, { before: () => {
      const refuse = { get() { throw new DOMException("The operation is insecure.", "SecurityError"); } };
      for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches", "BroadcastChannel"]) Object.defineProperty(window, name, refuse);
    } });
    assert.equal(await client.page.evaluate(() => { try { return String(localStorage); } catch (e) { return e.name; } }), "SecurityError");
    const publisher = new Publisher(server, "private", 20);
    await sleep(1_000);
    const v = await verdict(publisher, client);
    assert.deepEqual([v.violations, v.gaps], [[], 0]);
    assert.notEqual((await client.status()).transport, "websocket");
    // What the page says of why it is on another transport is counted.
    assert.ok((await server.metric("tidings_fallbacks_total")) > 0);
  });
});
