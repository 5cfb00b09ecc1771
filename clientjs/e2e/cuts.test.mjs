// Publishes 100 messages a second through the HTTP API of the real binary while clients lose their network, over each
// transport, in Node and in Chromium. One checker compares the publisher's log with each client's.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { check } from "./checker.mjs";
import { caughtUp, closeChrome, connected, nodeClient, pageClient, transports } from "./clients.mjs";
import { cutter } from "./cutter.mjs";
import { Publisher, serve } from "./tidings.mjs";

const rate = 100;
const channel = "cuts/visitors";

// Each story: what happens to the network, and how many gaps the application must hear of.
const stories = [
  { name: "a cut of 5 s: every message once, in order, no gap", play: (net) => down(net, 5_000), gaps: 0 },
  { name: "a cut of 60 s with the default window: exactly one gap, then in order", play: (net) => down(net, 60_000), gaps: 1 },
  { name: "a cut of 60 s with a window that suffices: no gap", play: (net) => down(net, 60_000), gaps: 0, wide: true },
  { name: "ten changes of transport: no gap", play: changeTransports, gaps: 0 },
  { name: "twelve resets of the network: no gap", play: resets, gaps: 0 },
];

async function down(net, ms) {
  net.cut();
  await sleep(ms);
  net.heal();
}

async function changeTransports(_, client) {
  for (let i = 1; i <= 10; i++) {
    await client.use([transports[i % 3]]);
    await sleep(400);
  }
}

async function resets(net) {
  for (let i = 0; i < 12; i++) {
    net.reset();
    await sleep(350);
  }
}

describe("the guarantee over the real binary", { timeout: 180_000 }, () => {
  const servers = {};
  const publishers = {};
  const runs = [];

  before(async () => {
    servers.narrow = await serve();
    servers.wide = await serve({ TIDINGS_HISTORY_MESSAGES: "20000", TIDINGS_HISTORY_BYTES: "64MiB" });
    for (const [name, server] of Object.entries(servers)) publishers[name] = new Publisher(server, channel, rate);
    for (const story of stories) {
      for (const [make, where] of [[nodeClient, "Node"], [pageClient, "Chromium"]]) {
        for (const transport of transports) {
          const server = story.wide ? "wide" : "narrow";
          const net = await cutter(servers[server].port);
          const client = await make(net.url, channel, [transport]);
          runs.push({ story, where, transport, net, client, server });
        }
      }
    }
    await sleep(2_000);
    await Promise.all(
      runs.map(async (run) => {
        await run.story.play(run.net, run.client);
        await connected(run.client);
      }),
    );
    await sleep(2_000);
    for (const p of Object.values(publishers)) await p.stop();
  });

  after(async () => {
    for (const run of runs) {
      await run.client.close();
      await run.net.close();
    }
    await closeChrome();
    for (const server of Object.values(servers)) await server.stop();
  });

  for (const story of stories) {
    for (const where of ["Node", "Chromium"]) {
      for (const transport of transports) {
        test(`${story.name} (${where}, ${transport})`, async () => {
          const run = runs.find((r) => r.story === story && r.where === where && r.transport === transport);
          const published = publishers[run.server].log;
          assert.ok(published.length > 5 * rate, `only ${published.length} messages were acknowledged`);
          assert.equal(publishers[run.server].failures, 0, "every publish was answered");
          const offsets = new Map(published.map((p) => [p.n, p.offset]));
          const log = await caughtUp(run.client, (n) => offsets.get(n), published.at(-1).offset);
          const verdict = check(published, log);
          assert.deepEqual(verdict.violations.slice(0, 5), []);
          assert.equal(verdict.gaps, story.gaps, `gaps: ${JSON.stringify(log.filter((e) => e.gap))}`);
        });
      }
    }
  }
});
