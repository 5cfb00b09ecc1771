// A client moves to another transport whose request arrives and whose answer does not: the server has given the session
// to a link that the client never hears of, and ends the old one with `superseded`. That is no reason to stay away, and
// nothing may be lost.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { check } from "./checker.mjs";
import { caughtUp, connected, nodeClient, until } from "./clients.mjs";
import { cutter } from "./cutter.mjs";
import { Publisher, serve } from "./tidings.mjs";

const HEADS = { websocket: /^GET \/bus\/ws/, sse: /"type":"connect"/, poll: /"type":"connect"/ };

describe("a takeover whose answer is lost", { timeout: 60_000 }, () => {
  let server;
  before(async () => (server = await serve()));
  after(() => server.stop());

  for (const [from, to] of [["websocket", "sse"], ["websocket", "poll"], ["sse", "websocket"], ["poll", "websocket"], ["sse", "poll"], ["poll", "sse"]]) {
    test(`from ${from} to ${to}: it comes back, every message once, in order, no gap`, async (t) => {
      const net = await cutter(server.port);
      const channel = `takeover/${from}/${to}`;
      const client = await nodeClient(net.url, channel, [from]);
      const publisher = new Publisher(server, channel, 50);
      t.after(async () => {
        await publisher.stop();
        await client.close();
        await net.close();
      });
      await sleep(300);
      const resumes = await server.metric("tidings_resumes_total");
      net.mutes = HEADS[to];
      await client.use([to]);
      await until("the server gave the session to the new link", async () => (await server.metric("tidings_resumes_total")) > resumes);
      await sleep(500);
      assert.notEqual((await client.status()).state, "closed", "superseded by our own next link is not final");
      net.mutes = undefined;
      net.reset();
      await until(`connected over ${to}`, async () => (await client.status()).transport === to);
      await connected(client);
      await sleep(500);
      const published = await publisher.stop();
      const offsets = new Map(published.map((p) => [p.n, p.offset]));
      const verdict = check(published, await caughtUp(client, (n) => offsets.get(n), published.at(-1).offset));
      assert.deepEqual([verdict.violations, verdict.gaps], [[], 0]);
      assert.equal(await server.metric("tidings_resumes_failed_total"), 0, "each new link took the session up again");
    });
  }

  test("twenty moves under load whose connect takes its time: each takes the session up again, nothing is lost", async (t) => {
    const channel = "takeover/moves";
    const net = await cutter(server.port);
    const client = await nodeClient(net.url, channel, ["poll"]);
    net.slows = /^GET \/bus\/ws|\{"type":"connect"/;
    const publisher = new Publisher(server, channel, 200);
    t.after(async () => {
      await publisher.stop();
      await client.close();
      await net.close();
    });
    const resumes = await server.metric("tidings_resumes_total");
    for (let i = 0; i < 20; i++) {
      const to = ["sse", "poll", "websocket", "poll"][i % 4];
      await client.use([to]);
      await until(`connected over ${to}`, async () => (await client.status()).transport === to);
      await sleep((i * 37) % 120);
    }
    const published = await publisher.stop();
    const offsets = new Map(published.map((p) => [p.n, p.offset]));
    const verdict = check(published, await caughtUp(client, (n) => offsets.get(n), published.at(-1).offset));
    assert.deepEqual([verdict.violations, verdict.gaps], [[], 0]);
    assert.equal((await server.metric("tidings_resumes_total")) - resumes, 20);
    assert.equal(await server.metric("tidings_resumes_failed_total"), 0);
  });
});
