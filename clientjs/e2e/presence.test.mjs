// Who is there, against the real binary: clients in Node over each transport, and pages of Chromium, see each other
// come and go.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { getPresence, watchPresence } from "../dist/presence.js";
import { createMessageBus } from "../dist/tidings.js";
import { chrome, closeChrome, transports, until } from "./clients.mjs";
import { serve } from "./tidings.mjs";

describe("presence", { timeout: 120_000 }, () => {
  let server;
  const buses = [];
  const connect = (names) => {
    const bus = createMessageBus({ url: `${server.url}/bus`, transports: names, WebSocket });
    buses.push(bus);
    return bus;
  };
  before(async () => (server = await serve({ TIDINGS_PARK: "3s" })));
  after(async () => {
    for (const bus of buses) bus.close();
    await closeChrome();
    await server.stop();
  });
  const counted = async (channel) => (await (await fetch(`${server.url}/api/presence?channel=${channel}`)).json()).count;

  for (const transport of transports) {
    test(`Node over ${transport}: they see each other come, a cut is no departure, a goodbye is`, async () => {
      const [ann, bob] = [connect([transport]), connect([transport])];
      const channel = `room/${transport}`;
      const live = watchPresence(ann, channel);
      const counts = [];
      const leave = live.onChange(() => counts.push(live.state.count));
      await until("ann sees herself", () => counts.at(-1) === 1);
      bob.subscribe(channel, () => {});
      await until("bob is seen", () => counts.at(-1) === 2);
      assert.equal(live.state.members.length, 2);
      assert.equal(await counted(channel), 2);
      bob.debug.hold();
      await sleep(1_000);
      bob.debug.release();
      await until("bob is back", () => bob.status.state === "connected");
      await sleep(1_000);
      assert.deepEqual([await counted(channel), counts.at(-1)], [2, 2]);
      assert.deepEqual(counts, [...new Set(counts)], "nobody flapped");
      assert.equal((await getPresence(bob, channel)).count, 2);
      bob.close();
      await until("bob has left", () => counts.at(-1) === 1);
      leave();
    });
  }

  test("two pages of Chromium show each other; one that is closed has left", async () => {
    // Two contexts are two browsers to the page: one connection each.
    const open = async () => {
      const browser = await chrome();
      const page = await (await browser.newContext()).newPage();
      page.errors = [];
      page.on("pageerror", (e) => page.errors.push(e.message));
      await page.goto(`${server.url}/healthz`);
      await page.evaluate(async () => {
        const { createMessageBus } = await import("/client/tidings.js");
        window.bus = createMessageBus();
        const map = Object.assign(document.createElement("script"), { type: "importmap" });
        map.textContent = JSON.stringify({ imports: { tidings: "/client/tidings.js" } });
        document.head.append(map);
        const { watchPresence } = await import("/client/presence.js");
        window.live = watchPresence(window.bus, "lobby");
        window.counts = [];
        window.live.onChange(() => window.counts.push(window.live.state.count));
      });
      return page;
    };
    const counts = (page) => page.evaluate(() => window.counts);
    const last = async (page) => (await counts(page)).at(-1);
    const first = await open();
    await until("the first sees itself", async () => (await last(first)) === 1);
    const second = await open();
    await until("both see both", async () => (await last(first)) === 2 && (await last(second)) === 2);
    await second.evaluate(() => window.bus.debug.hold());
    await sleep(1_000);
    await second.evaluate(() => window.bus.debug.release());
    await until("the second is back", async () => (await second.evaluate(() => window.bus.status.state)) === "connected");
    await sleep(500);
    assert.deepEqual(await counts(first), [1, 2], "a cut that is shorter than the park");
    const publics = await first.evaluate(() => window.live.state.members.map((m) => m.connection));
    assert.ok(publics.length === 2 && publics.every((id) => typeof id === "string"));
    await second.close({ runBeforeUnload: true });
    await until("the second has left", async () => (await last(first)) === 1);
    assert.deepEqual([await counts(first), first.errors], [[1, 2, 1], []]);
    await first.close();
  });
});
