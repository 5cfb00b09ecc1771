// The steps of docs/gateways.md from another system to the native client, one after the other, with the programs of the
// clients as their users have them: first unchanged, then beside native ones, then native ones alone.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { call } from "../../../clientjs/dist/call.js";
import { createMessageBus } from "../../../clientjs/dist/tidings.js";
import { original, tidings } from "../primus/servers.mjs";

const from = (folder) => createRequire(new URL(`../${folder}/package.json`, import.meta.url));
const { Kuzzle, WebSocket: KuzzleSocket } = from("kuzzle")("kuzzle-sdk");
const primus = from("primus");
const Socket = primus("primus").createSocket({ transformer: "websockets", parser: "JSON", plugin: { emitter: primus("primus-emitter") } });
const limit = { timeout: 60_000 };

/** The program of a Primus application: it greets, and shows the news. */
async function primusProgram(url) {
  const client = new Socket(url, { manual: true });
  client.open();
  const greeting = await new Promise((resolve) => client.send("greet", "Ann", resolve));
  return { greeting, news: once(client, "news").then(JSON.stringify), end: () => client.end() };
}

/** A native bus, and the promise of the first message of a channel. */
async function native(server, channel, options = {}) {
  const bus = createMessageBus({ url: `${server.url}/bus`, WebSocket });
  let heard;
  const first = new Promise((resolve) => (heard = resolve));
  await new Promise((onSubscribed) => bus.subscribe(channel, heard, { ...options, onSubscribed }));
  return { bus, first };
}

const nobodyLeft = async (server, transport) => {
  while ((await server.metric("tidings_transport_links", { transport })) > 0) await sleep(20);
};

describe("from Primus to the native client", { timeout: 240_000 }, () => {
  let server;
  before(async () => (server = await tidings(30_000, { TIDINGS_JOINS_ANONYMOUS: "all" })));
  after(() => server.stop());

  test("1. the old server's handlers behind the hook call: no client changes", limit, async () => {
    const old = await original();
    for (const at of [old, server]) {
      const { greeting, news, end } = await primusProgram(at.url);
      assert.equal(greeting, "hello Ann");
      await at.send("news", { n: 1 });
      assert.equal(await news, '[{"n":1}]');
      end();
    }
    await old.stop();
  });

  test("2. what the old server sent, it publishes", limit, async () => {
    const { news, end } = await primusProgram(server.url);
    await server.api("publish", { channel: "all", event: "news", data: { n: 2 } });
    assert.equal(await news, '[{"n":2}]');
    end();
  });

  test("3. page by page: on becomes subscribe, send becomes call", limit, async () => {
    const [page, { news, end }] = [await native(server.server, "all"), await primusProgram(server.url)];
    assert.deepEqual(await call(page.bus, "greet", ["Ann"]), ["hello Ann"]);
    await server.api("publish", { channel: "all", event: "news", data: { n: 3 } });
    assert.deepEqual([(await page.first).n, await news], [3, '[{"n":3}]']);
    page.bus.close();
    end();
  });

  test("4. nobody is left at the gateway", limit, () => nobodyLeft(server.server, "primus"));
});

describe("from Kuzzle to the native client", { timeout: 240_000 }, () => {
  let whole, server;
  before(async () => ({ server } = whole = await tidings()));
  after(() => whole.stop());
  const filter = { equals: { licence: "B" } };

  /** The program of Kuzzle's guides: it shows the drivers that have licence B. */
  async function kuzzleProgram() {
    const kuzzle = new Kuzzle(new KuzzleSocket("127.0.0.1", { port: server.port }));
    await kuzzle.connect();
    let heard;
    const first = new Promise((resolve) => (heard = resolve));
    await kuzzle.realtime.subscribe("nyc", "yellow-taxi", filter, ({ result }) => heard(result._source.name));
    return { kuzzle, first };
  }

  test("1. the server in the old one's place: no client changes", limit, async () => {
    const { kuzzle, first } = await kuzzleProgram();
    await kuzzle.realtime.publish("nyc", "yellow-taxi", { name: "Bob", licence: "C" });
    await kuzzle.realtime.publish("nyc", "yellow-taxi", { name: "Ann", licence: "B" });
    assert.equal(await first, "Ann");
    kuzzle.disconnect();
  });

  test("2. backends publish over HTTP", limit, async () => {
    const { kuzzle, first } = await kuzzleProgram();
    await server.publish("documents/nyc/yellow-taxi", { name: "Cy", licence: "B" });
    assert.equal(await first, "Cy");
    kuzzle.disconnect();
  });

  test("3. page by page: realtime.subscribe becomes subscribe with the same filter", limit, async () => {
    const [page, { kuzzle, first }] = [await native(server, "documents/nyc/yellow-taxi", { filter }), await kuzzleProgram()];
    await server.publish("documents/nyc/yellow-taxi", { name: "no", licence: "C" });
    await server.publish("documents/nyc/yellow-taxi", { name: "Dee", licence: "B" });
    assert.deepEqual([(await page.first).name, await first], ["Dee", "Dee"]);
    page.bus.close();
    kuzzle.disconnect();
  });

  test("4. nobody is left at the gateway", limit, () => nobodyLeft(server, "kuzzle"));
});
