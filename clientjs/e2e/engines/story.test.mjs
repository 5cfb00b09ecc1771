// The client's story in three engines: each transport, cut and healed; the transport that it chooses by itself;
// four tabs of which the leader goes; publishing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { check } from "../checker.mjs";
import { caughtUp, transports, until } from "../clients.mjs";
import { cutter } from "../cutter.mjs";
import { leaderOf, site } from "../tabs.mjs";
import { Publisher, serve } from "../tidings.mjs";
import { engines } from "./engines.mjs";

for (const { name, launch } of engines) describe(name, { timeout: 110_000 }, () => {
  let server, browser;
  before(async () => {
    server = await serve({ TIDINGS_PARK: "3s" }); // so that pages which are closed without a word are soon forgotten
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** Opens a page of another site, of an origin of its own unless one is given, that listens to a channel. */
  async function listen(t, origin, channel, options = {}, at = undefined) {
    if (!at) {
      const place = await site();
      t.after(() => place.close());
      at = place.url;
    }
    const page = await browser.open(at);
    await page.run(
      async (origin, channel, options) => {
        const { createMessageBus } = await import(`${origin}/client/tidings.js`);
        const log = (window.log = []);
        const bus = (window.bus = createMessageBus({ url: `${origin}/bus`, ...options }));
        await new Promise((resolve) => bus.subscribe(channel, (message) => log.push({ message }), { onGap: (gap) => log.push({ gap }), onSubscribed: () => resolve() }));
      },
      origin,
      channel,
      options,
    );
    return {
      page,
      name: `${name} at ${channel}`,
      log: () => page.run(() => window.log),
      status: () => page.run(() => ({ state: window.bus.status.state, transport: window.bus.status.transport, tab: window.bus.status.tab })),
      close: () => page.close(),
    };
  }

  /** Stops publishing: each client has heard each message once, in order, without a gap. */
  async function verdict(publisher, ...clients) {
    const published = await publisher.stop();
    const offsets = new Map(published.map((p) => [p.n, p.offset]));
    for (const client of clients) {
      const { violations, gaps, messages } = check(published, await caughtUp(client, (n) => offsets.get(n), published.at(-1).offset));
      assert.deepEqual([violations.slice(0, 5), gaps], [[], 0]);
      assert.ok(messages > 0, `${messages} messages`);
    }
  }

  for (const transport of transports) {
    test(`over ${transport}, cut and healed: every message once, in order, no gap`, async (t) => {
      const net = await cutter(server.port);
      const channel = `story/${transport}`;
      const client = await listen(t, net.url, channel, { transports: [transport], tabs: false });
      const publisher = new Publisher(server, channel, 20);
      t.after(async () => {
        await publisher.stop();
        await client.close();
        await net.close();
      });
      await until("it hears", async () => (await client.log()).length > 5);
      assert.equal((await client.status()).transport, transport);
      net.cut();
      await until("it notices", async () => (await client.status()).state !== "connected");
      net.heal();
      await until("it is back", async () => (await client.status()).state === "connected");
      await verdict(publisher, client);
    });
  }

  test("by itself: WebSocket, or where that is swallowed another one", async (t) => {
    const net = await cutter(server.port);
    const free = await listen(t, net.url, "story/free", { tabs: false });
    await until("WebSocket", async () => (await free.status()).transport === "websocket");
    net.swallows = /^GET \/bus\/ws/;
    const bound = await listen(t, net.url, "story/bound", { tabs: false });
    t.after(async () => {
      await free.close();
      await bound.close();
      await net.close();
    });
    const { state, transport } = await bound.status();
    assert.equal(state, "connected");
    assert.ok(["sse", "poll"].includes(transport), `it has ${transport}`);
  });

  test("publishes: it is heard, once, where the position says", async (t) => {
    const client = await listen(t, server.url, "story/publish", { tabs: false });
    t.after(() => client.close());
    for (const n of [1, 2, 3]) {
      const { offset } = await client.page.run((n) => window.bus.publish("story/publish", { n }), n);
      assert.equal(offset, n);
    }
    await until("all three", async () => (await client.log()).length >= 3);
    assert.deepEqual(await client.log(), [1, 2, 3].map((n) => ({ message: { n } })));
  });

  test("four tabs have one connection; the leader is closed, and the next takes over without a loss", async (t) => {
    const place = await site();
    const connections = async () => (await server.metric("tidings_connections")) + (await server.metric("tidings_connections_parked"));
    await until("nobody is left of before", async () => (await connections()) === 0, 60_000);
    const tabs = [];
    while (tabs.length < 4) tabs.push(await listen(t, server.url, "story/tabs", {}, place.url));
    const publisher = new Publisher(server, "story/tabs", 20);
    t.after(async () => {
      await publisher.stop();
      for (const tab of tabs) await tab.close().catch(() => {});
      place.close();
    });
    const leader = await leaderOf(tabs);
    assert.equal(await connections(), 1);
    const others = tabs.filter((tab) => tab !== leader);
    await until("all hear", async () => (await Promise.all(tabs.map((tab) => tab.log()))).every((log) => log.length > 5));
    await leader.close();
    const { n } = publisher;
    await leaderOf(others);
    await until("all others hear again", async () => (await Promise.all(others.map((tab) => tab.log()))).every((log) => log.at(-1).message?.n > n));
    await until("one connection", async () => (await connections()) === 1);
    await verdict(publisher, ...others);
  });
});
