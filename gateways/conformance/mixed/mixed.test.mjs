// Clients of every kind on one channel, over nets that are cut at random, while a backend and a client of Kuzzle publish:
// each hears in order, none twice, and within one connection all that comes; native clients and plain ones of SSE miss
// nothing over a cut, either. Ten seconds; longer, or the same cuts again:
//
//	MIXED_SECONDS=600 MIXED_SEED=7 node --test gateways/conformance/mixed/
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { cutter } from "../../../clientjs/e2e/cutter.mjs";
import { serve } from "../../../clientjs/e2e/tidings.mjs";
import { channel, kinds, open, place, secret } from "./clients.mjs";

const { Kuzzle, WebSocket: KuzzleSocket } = createRequire(new URL("../kuzzle/package.json", import.meta.url))("kuzzle-sdk");

const seconds = Number(process.env.MIXED_SECONDS ?? 10);
const seed = Number(process.env.MIXED_SEED ?? Math.floor(Math.random() * 2 ** 31));
const each = 3; // clients of a kind
const perSecond = 50;

/** Numbers below 1, the same for the same seed. */
function numbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What is wrong with what a client heard, of messages 1 to last; it subscribed before the first. */
function faults({ name, heard, gaps, whole }, last) {
  const found = [];
  const lists = whole ? [heard.connections.flat()] : heard.connections;
  let before = whole ? 0 : undefined;
  for (const list of lists) {
    for (const [i, n] of list.entries()) {
      if (before !== undefined && n <= before) found.push(`${name}: heard ${n} after ${before}`);
      else if ((i > 0 || whole) && n !== before + 1) found.push(`${name}: heard ${n} after ${before}, and nothing between them, on one connection`);
      before = n;
    }
  }
  if (before !== last) found.push(`${name}: the last it heard is ${before}, of ${last}`);
  if (gaps?.length) found.push(`${name}: was told of ${gaps.length} gaps, and history has them all`);
  return found;
}

test(`clients of every kind hear in order over random cuts (MIXED_SEED=${seed}, ${seconds} s)`, { timeout: (seconds * 2 + 240) * 1000 }, async (t) => {
  const server = await serve({ TIDINGS_CONNECTION_IDS_SECRET: secret, TIDINGS_JOINS_ANONYMOUS: channel, TIDINGS_HISTORY_MESSAGES: "100000", TIDINGS_HISTORY_BYTES: "64MiB" });
  server.api = async (path, body) => {
    const answer = await fetch(`${server.url}/api/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
  };
  const clients = [];
  for (let i = 0; i < each * kinds.length; i++) clients.push(await open(kinds[i % kinds.length], await cutter(server.port), server, i));
  const publisher = new Kuzzle(new KuzzleSocket("127.0.0.1", { port: server.port }));
  await publisher.connect();

  let n = 0;
  const end = Date.now() + seconds * 1000;
  const publish = async () => {
    n++;
    if (n % 5 === 0) await publisher.realtime.publish(...place, { n });
    else await server.publish(channel, { n });
  };
  const cuts = Object.fromEntries(kinds.map((kind) => [kind, 0]));
  const suffer = async ({ kind, net }, i) => {
    const random = numbers(seed + i);
    while (Date.now() < end) {
      await sleep(100 + random() * 2000);
      cuts[kind]++;
      if (random() < 0.7) net.reset();
      else {
        net.cut();
        await sleep(random() * 1500);
        net.heal();
      }
    }
  };
  const suffering = Promise.all(clients.map(suffer));
  for (let next = Date.now(); Date.now() < end; next += 1000 / perSecond) {
    await publish();
    await sleep(Math.max(0, next - Date.now()));
  }
  await suffering;

  // All are back: each hears the last ones.
  const back = n + 1;
  let there = false;
  const all = Promise.all(clients.map(({ heard }) => heard.reached(back))).then(() => (there = true));
  while (!there) await Promise.all([publish(), sleep(20)]);
  await all;
  await publish();
  await Promise.all(clients.map(({ heard }) => heard.reached(n)));
  for (const { close } of clients) await close();
  publisher.disconnect();
  await Promise.all(clients.map(({ net }) => net.close()));
  await server.stop();

  const heard = Object.fromEntries(kinds.map((kind) => [kind, clients.filter((c) => c.kind === kind).reduce((sum, c) => sum + c.heard.connections.flat().length, 0)]));
  t.diagnostic(`${n} messages; cuts ${JSON.stringify(cuts)}; heard ${JSON.stringify(heard)}`);
  assert.deepEqual(clients.flatMap((client) => faults(client, n)), []);
});
