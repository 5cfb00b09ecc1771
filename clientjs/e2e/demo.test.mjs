// The demo of the real binary, in real Chromium behind a network that can be broken. A backend publishes with one HTTP POST; the
// page shows the message; the server's own counters say which transport carried it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { chrome, closeChrome, transports, until } from "./clients.mjs";
import { cutter } from "./cutter.mjs";
import { serve } from "./tidings.mjs";

describe("the demo", { timeout: 120_000 }, () => {
  let server;
  let pages = 0;
  before(async () => (server = await serve()));
  after(async () => {
    await closeChrome();
    await server.stop();
  });

  /** The demo on a channel of its own, behind a network of its own. */
  async function open(t, { swallows, ...options } = {}) {
    const net = await cutter(server.port);
    net.swallows = swallows;
    const context = await (await chrome()).newContext(options);
    const page = await context.newPage();
    const faults = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    t.after(async () => {
      await context.close();
      await net.close();
    });
    const channel = `e2e/demo/${++pages}`;
    await page.goto(`${net.url}/demo/?channel=${channel}`);
    const by = (id) => page.getByTestId(id);
    const text = (id) => by(id).textContent();
    const demo = {
      page, net, channel, faults, by, text,
      state: (want) => until(`the state ${want}`, async () => (await text("state")) === want),
      transport: (want) => until(`connected over ${want}`, async () => (await text("state")) === "connected" && (await by("transport").getAttribute("data-transport")) === want),
      /** One HTTP POST, as a backend does it. Gives the server's answer. */
      publish: (data) => server.publish(channel, data),
      shown: (answer) => page.locator(`[data-testid=message][data-id="${answer.id}"]`).waitFor({ timeout: 20_000 }),
      offsets: async () => (await by("message").evaluateAll((items) => items.map((li) => Number(li.dataset.offset)))).reverse(),
    };
    await demo.state("connected");
    return demo;
  }

  /** How many messages each transport carried while `run` ran. */
  async function carried(run) {
    const read = () => Promise.all(transports.map((transport) => server.metric("tidings_transport_messages_total", { transport })));
    const before = await read();
    await run();
    const now = await read();
    return Object.fromEntries(transports.map((name, i) => [name, now[i] - before[i]]));
  }
  const only = (transport, n) => ({ websocket: 0, sse: 0, poll: 0, [transport]: n });

  for (const transport of transports) {
    test(`${transport}: forced in the page, it carries what a backend publishes, and what was missed in a cut`, async (t) => {
      const demo = await open(t);
      await demo.by(`use-${transport}`).check();
      await demo.transport(transport);
      assert.deepEqual(await carried(async () => demo.shown(await demo.publish({ n: 1 }))), only(transport, 1));
      await until("one connection, of this transport", async () => (await server.metric("tidings_connections", { transport })) === 1);

      demo.net.cut();
      await until("the page says that it is offline", async () => ["waiting", "connecting"].includes(await demo.text("state")));
      assert.equal(await demo.by("transport").getAttribute("data-transport"), "");
      const missed = await carried(async () => {
        const answers = [];
        for (let n = 2; n <= 6; n++) answers.push(await demo.publish({ n }));
        assert.equal(await demo.text("count"), "1", "nothing comes through a cut");
        demo.net.heal();
        await demo.transport(transport);
        for (const answer of answers) await demo.shown(answer);
      });
      assert.ok(missed[transport] >= 5, JSON.stringify(missed));
      assert.deepEqual({ ...missed, [transport]: 0 }, only(transport, 0));
      assert.deepEqual(await demo.offsets(), [1, 2, 3, 4, 5, 6]);
      assert.deepEqual([await demo.text("count"), await demo.text("gaps")], ["6", "0"]);
      assert.deepEqual(demo.faults, []);
    });
  }

  for (const [name, swallows, transport] of [
    ["swallows WebSockets", /^GET \/bus\/ws/, "sse"],
    ["swallows WebSockets and streams", /^(GET|POST) \/bus\/(ws|sse)/, "poll"],
  ]) {
    test(`a network that ${name}: the page gets through over ${transport} by itself`, async (t) => {
      const demo = await open(t, { swallows });
      await demo.transport(transport);
      assert.deepEqual(await carried(async () => demo.shown(await demo.publish("through"))), only(transport, 1));
      assert.deepEqual(demo.faults, []);
    });
  }

  test("goes over all transports while a backend publishes: nothing lost, nothing twice", async (t) => {
    const demo = await open(t);
    let n = 0;
    let last;
    for (const transport of ["sse", "poll", "websocket", "poll", "sse", "websocket"]) {
      await demo.by(`use-${transport}`).check();
      for (let i = 0; i < 4; i++) last = await demo.publish({ n: ++n });
      await demo.transport(transport);
      for (let i = 0; i < 4; i++) last = await demo.publish({ n: ++n });
    }
    await demo.shown(last);
    assert.deepEqual(await demo.offsets(), Array.from({ length: n }, (_, i) => i + 1));
    assert.deepEqual([await demo.text("count"), await demo.text("gaps")], [String(n), "0"]);
  });

  test("publishes from the page: acknowledged, shown here and on another page, in history; offline it waits", async (t) => {
    const demo = await open(t);
    const other = await (await chrome()).newPage();
    t.after(() => other.close());
    await other.goto(`${server.url}/demo/?channel=${demo.channel}`);
    await other.locator("[data-testid=state]", { hasText: "connected" }).waitFor();
    await demo.by("payload").fill('{"from": "the page", "n": 7}');
    await demo.by("publish").click();
    await demo.by("published").filter({ hasText: "Message 1, acknowledged" }).waitFor();
    for (const page of [demo.page, other]) await page.locator("[data-testid=message][data-offset='1']", { hasText: '"from":"the page"' }).waitFor();
    demo.net.cut();
    await demo.state("waiting");
    await demo.by("payload").fill("held back");
    await demo.by("publish").click();
    demo.net.heal();
    await other.locator("[data-testid=message]", { hasText: "held back" }).waitFor();
    const history = await (await fetch(`${server.url}/api/history?channel=${demo.channel}`)).json();
    assert.deepEqual(history.messages.map((m) => m.data), [{ from: "the page", n: 7 }, "held back"]);
    assert.deepEqual(demo.faults, []);
  });

  for (const width of [390, 1280]) {
    test(`at ${width} px nothing is wider than the page, and every control can be reached`, async (t) => {
      const demo = await open(t, { viewport: { width, height: 800 } });
      const { page } = demo;
      await demo.publish("x".repeat(500));
      await demo.shown(await demo.publish({ long: "word ".repeat(100), list: Array(50).fill(1234567890) }));
      const overflow = await page.evaluate(() => ({ page: document.documentElement.scrollWidth - innerWidth, body: document.body.scrollWidth - innerWidth }));
      assert.ok(overflow.page <= 0 && overflow.body <= 0, JSON.stringify(overflow));

      const controls = await page.locator("button, input, textarea, select, a[href]").all();
      assert.ok(controls.length >= 10, `${controls.length} controls`);
      for (const control of controls) {
        await control.scrollIntoViewIfNeeded();
        const seen = await control.evaluate((e) => {
          e.scrollIntoView({ block: "center" });
          const { left, right, top, width, height } = e.getBoundingClientRect();
          const there = document.elementFromPoint(left + width / 2, top + height / 2);
          const hit = e.contains(there) || [...(e.labels ?? [])].some((l) => l.contains(there));
          return { what: e.dataset.testid ?? e.outerHTML.slice(0, 80), inside: left >= 0 && right <= innerWidth && width > 0, hit };
        });
        assert.ok(seen.inside && (seen.hit || (await control.isDisabled())), JSON.stringify(seen));
      }

      const reached = new Set();
      await page.evaluate(() => document.activeElement.blur());
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press("Tab");
        reached.add(await page.evaluate(() => document.activeElement?.dataset.testid));
      }
      const wanted = ["channel", "use-auto", "cut", "offline", "payload", "publish", "burst", "copy-publish", "copy-listen"];
      assert.deepEqual(wanted.filter((id) => !reached.has(id)), [], "with the Tab key");
    });
  }
});
