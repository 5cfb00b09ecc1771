// liveQuery and `spread`, against the real binary and a real HTTP backend.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { createMessageBus } from "../dist/tidings.js";
import { liveQuery } from "../dist/live.js";
import { transports, until } from "./clients.mjs";
import { cutter } from "./cutter.mjs";
import { serve } from "./tidings.mjs";

describe("live queries", { timeout: 60_000 }, () => {
  let server;
  const backend = { version: 0, asked: 0 };
  before(async () => {
    server = await serve();
    backend.server = createServer((_, response) => {
      backend.asked++;
      response.end(String(backend.version));
    });
    await new Promise((resolve) => backend.server.listen(0, "127.0.0.1", resolve));
    backend.url = `http://127.0.0.1:${backend.server.address().port}`;
  });
  after(async () => {
    backend.server.closeAllConnections();
    backend.server.close();
    await server.stop();
  });

  function open(t, channel, names, url = server.url) {
    const bus = createMessageBus({ url: `${url}/bus`, transports: names, WebSocket });
    t.after(() => bus.close());
    return bus;
  }
  function query(t, bus, channel, options) {
    const q = liveQuery(bus, { channel, fetch: async ({ signal }) => Number(await (await fetch(backend.url, { signal })).text()), ...options });
    const leave = q.onChange(() => {});
    t.after(leave);
    return { state: () => q.state, shows: (n) => until(`shows ${n}`, async () => q.state.data === n) };
  }
  const change = async (channel, more) => {
    backend.version++;
    await server.publish(channel, null, more);
    return backend.version;
  };

  for (const transport of transports) {
    test(`${transport}: spread is told with the message and with history, from a backend and from a page`, async (t) => {
      const channel = `e2e/spread/${transport}`;
      const bus = open(t, channel, [transport]);
      const got = [];
      await new Promise((resolve) => bus.subscribe(channel, (_, __, { spread }) => got.push(spread), { onSubscribed: resolve }));
      await server.publish(channel, 1, { spread: "5s" });
      await server.publish(channel, 2);
      await bus.publish(channel, 3, { spread: 300_000 });
      await until("all three", async () => got.length === 3);
      assert.deepEqual(got, [5_000, undefined, 300_000]);
      assert.deepEqual((await bus.history(channel)).messages.map((m) => m.spread), got);
      // Over the others a frame that is refused ends the bus, whatever is wrong in it.
      if (transport === "websocket") await assert.rejects(bus.publish(channel, 4, { spread: 300_001 }), { code: "bad_request", message: /spread/ });
    });

    test(`${transport}: shows a change after its hint, and what changed during a cut`, async (t) => {
      const channel = `e2e/live/${transport}`;
      const net = await cutter(server.port);
      t.after(() => net.close());
      const q = query(t, open(t, channel, [transport], net.url), channel, { throttle: 50, interval: 1e9, fallbackInterval: 1e9 });
      await until("live", async () => q.state().live && !q.state().fetching);
      await q.shows(await change(channel));
      net.cut();
      await until("not live", async () => !q.state().live);
      const missed = await change(channel);
      net.heal();
      await q.shows(missed);
    });
  }

  test("a burst of a hundred hints costs few requests, and ends with the last", async (t) => {
    const q = query(t, open(t, "e2e/burst", ["websocket"]), "e2e/burst", { interval: 1e9, fallbackInterval: 1e9 });
    await until("live", async () => q.state().live && !q.state().fetching);
    await sleep(1_100); // beyond the throttle
    backend.asked = 0;
    let last;
    for (let i = 0; i < 100; i++) last = await change("e2e/burst");
    await q.shows(last);
    assert.ok(backend.asked <= 3, `${backend.asked} requests`);
  });
});
