// Twenty tabs of a real Chromium have one connection at the server. The tab that leads is closed, killed, crashed,
// stopped, frozen, or put into the back/forward cache, while a backend publishes: no tab loses a message, hears one
// twice, or is told a gap.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { browse } from "./cdp.mjs";
import { check } from "./checker.mjs";
import { caughtUp, until } from "./clients.mjs";
import { leaderOf, openTab, site } from "./tabs.mjs";
import { Publisher, serve } from "./tidings.mjs";

// The second and third browser make sure that it does not matter what the leader's session goes over.
const browsers = [
  { transport: "websocket", count: 20 },
  { transport: "sse", count: 5 },
  { transport: "poll", count: 5 },
];

// How a leader ends, and within how many ms all the others must hear again. `back` brings the same page back; without
// it the page is gone.
const stories = [
  { name: "closed", limit: 2_000, end: (page) => page.close() },
  {
    name: "killed (SIGKILL of its renderer)",
    limit: 2_000,
    async end(page, pid) {
      process.kill(pid, "SIGKILL");
      await page.ended();
    },
  },
  { name: "crashed (`Page.crash`)", limit: 2_000, end: (page) => page.crash() },
  {
    name: "stopped (SIGSTOP of its renderer)",
    limit: 12_000,
    end: (_, pid) => process.kill(pid, "SIGSTOP"),
    back: (_, pid) => process.kill(pid, "SIGCONT"),
  },
  {
    row: "F56 ",
    name: "frozen by the browser",
    limit: 2_000,
    end: (page) => page.send("Page.setWebLifecycleState", { state: "frozen" }),
    back: (page) => page.send("Page.setWebLifecycleState", { state: "active" }),
  },
  {
    name: "in the back/forward cache",
    limit: 2_000,
    end: (page, _, elsewhere) => page.go(elsewhere),
    async back(page) {
      await page.back();
      assert.equal(await page.run(() => window.persisted), true, "it came out of the cache, not from the network");
    },
  },
];

const table = [];
after(() => console.log(["| the leader is | transport | tabs | all other tabs hear again after |", "|---|---|---|---|", ...table].join("\n")));

for (const { transport, count } of browsers) describe(`${count} tabs of one browser over ${transport}`, { timeout: 100_000 }, () => {
  const channel = `tabs/${transport}`;
  let server;
  let place;
  let browser;
  let publisher;
  let tabs = [];
  /** Connections that are open at the server, or that it keeps for a client that may come back. */
  const connections = async () => (await server.metric("tidings_connections")) + (await server.metric("tidings_connections_parked"));
  const open = (options) => openTab(browser, place, server, channel, { transports: [transport], ...options });

  before(async () => {
    server = await serve();
    place = await site();
    browser = await browse();
    publisher = new Publisher(server, channel, 40);
    while (tabs.length < count) tabs.push(await open());
  });
  after(async () => {
    await publisher.stop();
    await browser.close();
    place.close();
    await server.stop();
  });

  test("they are one connection", async () => {
    await leaderOf(tabs);
    assert.equal(tabs.length, count);
    assert.equal(await connections(), 1);
    assert.equal(await server.metric("tidings_connections", { transport }), 1);
  });

  for (const { row = "", name, limit, end, back } of stories) {
    test(`${row}the leader is ${name}: the next tab takes over`, async () => {
      const leader = await leaderOf(tabs);
      const others = tabs.filter((tab) => tab !== leader);
      const pid = name.includes("SIG") ? await leader.page.process() : 0;
      const since = Date.now();
      await end(leader.page, pid, `${place.url}elsewhere`);
      const { n } = publisher; // what is published from now on, the old leader does not relay
      const took = Math.round(Math.max(...(await Promise.all(others.map((tab) => tab.heardAfter(n))))) - since);
      await leaderOf(others);
      // The session of the old leader was ended by the new one.
      await until("one connection", async () => (await connections()) === 1, 2_000);
      table.push(`| ${name} | ${transport} | ${count} | ${took} ms |`);
      if (back) {
        await back(leader.page, pid);
        await until("the old leader follows", async () => {
          const { tab, state } = await leader.status();
          return tab === "follower" && state === "connected";
        });
        await leader.heardAfter(publisher.n);
        await until("one connection, still", async () => (await connections()) === 1, 2_000);
      } else {
        await leader.page.close().catch(() => {});
        tabs = [...others, await open()];
      }
      assert.ok(took <= limit, `${took} ms`);
    });
  }

  test("what the followers hear they hear with the leader", async () => {
    const leader = await leaderOf(tabs);
    const { n } = publisher;
    const heard = async (tab) => new Map((await tab.log()).filter((e) => e.message?.n > n).map((e) => [e.message.n, e.at]));
    await Promise.all(tabs.map((tab) => tab.heardAfter(n + 40)));
    const first = await heard(leader);
    const later = [];
    for (const tab of tabs.filter((t) => t !== leader)) for (const [m, at] of await heard(tab)) if (first.has(m)) later.push(at - first.get(m));
    later.sort((a, b) => a - b);
    const at = (q) => later[Math.floor(q * (later.length - 1))].toFixed(1);
    console.log(`${transport}, ${count} tabs: a follower hears ${at(0.5)} ms (median; p99 ${at(0.99)} ms) after the leader, of ${later.length} messages`);
    assert.ok(later.length >= 40 * (count - 1) * 0.9);
    assert.ok(Number(at(0.5)) < 50, `${at(0.5)} ms`);
  });

  test("a follower publishes and reads history over the leader", async () => {
    const leader = await leaderOf(tabs);
    const follower = tabs.find((tab) => tab !== leader);
    const answer = await follower.page.run(async () => {
      const { offset } = await window.bus.publish("tabs/other", { hello: 1 });
      const { messages } = await window.bus.history("tabs/other");
      return { offset, history: messages.map((m) => m.data) };
    });
    assert.deepEqual(answer, { offset: 1, history: [{ hello: 1 }] });
  });

  test("another identity has a connection of its own, as has a tab that does not share", async () => {
    const more = [await open({ tabs: "another user" }), await open({ tabs: false })];
    assert.deepEqual([(await more[0].status()).tab, (await more[1].status()).tab], ["leader", undefined]);
    const linked = () => server.metric("tidings_connections");
    assert.equal(await linked(), 3);
    for (const { page } of more) await page.close();
    await until("one connection", async () => (await linked()) === 1);
  });

  test("after all that every tab has heard every message once, in order, without a gap", async () => {
    const published = await publisher.stop();
    assert.equal(publisher.failures, 0);
    const offsets = new Map(published.map((p) => [p.n, p.offset]));
    let heard = 0;
    for (const tab of tabs) {
      const verdict = check(published, await caughtUp(tab, (n) => offsets.get(n), published.at(-1).offset));
      assert.deepEqual([verdict.violations.slice(0, 5), verdict.gaps], [[], 0]);
      heard += verdict.messages;
    }
    assert.ok(published.length > 250 && heard > 100 * count, `${published.length} published, ${heard} heard`);
  });
});
