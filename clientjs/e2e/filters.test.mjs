// Filters and scope against the real binary: over each transport in this process, and in two tabs of real Chromium that
// share a connection, of which the leading one is closed.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { createMessageBus } from "../dist/tidings.js";
import { browse } from "./cdp.mjs";
import { transports, until } from "./clients.mjs";
import { leaderOf, openTab, site } from "./tabs.mjs";
import { Publisher, serve } from "./tidings.mjs";

const CONFIG = `
rules:
  channels:
    "**": {subscribe: anyone, publish: anyone, write: anyone}
`;

const kind = (value) => ({ equals: { kind: value } });

/** Publishes messages of three kinds in turns. */
class Kinds extends Publisher {
  data(n) {
    return { n, kind: n % 3 };
  }
  /** The numbers of a kind that the server took, in its order. */
  of(value) {
    return this.log.map(({ n }) => n).filter((n) => n % 3 === value);
  }
}

describe("filters", { timeout: 120_000 }, () => {
  let server;
  const folder = mkdtempSync(join(tmpdir(), "tidings-filters-"));
  before(async () => {
    writeFileSync(join(folder, "tidings.yaml"), CONFIG);
    server = await serve({}, undefined, ["--config", join(folder, "tidings.yaml")]);
  });
  after(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  function open(t, transport) {
    const bus = createMessageBus({ url: `${server.url}/bus`, transports: [transport], WebSocket });
    t.after(() => bus.close());
    return bus;
  }

  /** Subscribes, and keeps what each callback was called with. */
  async function listen(bus, channel, options) {
    const log = [];
    await new Promise((resolve, reject) => bus.subscribe(channel, (data, _, message) => log.push({ data, message }), { ...options, onGap: (gap) => log.push({ gap }), onSubscribed: resolve, onError: reject }));
    return log;
  }

  for (const transport of transports) {
    test(`${transport}: two filters and no filter on one channel, over two cuts: each hears all that is its own, in order, and nothing else`, async (t) => {
      const channel = `filters/${transport}`;
      const bus = open(t, transport);
      const zero = await listen(bus, channel, { filter: kind(0) });
      const same = await listen(bus, channel, { filter: { and: [kind(0), kind(0)] } });
      const high = await listen(bus, channel, { filter: { range: { n: { gt: 40 } } } });
      const none = await listen(bus, channel, { filter: kind(7) });
      const all = await listen(bus, channel, {});
      const publisher = new Kinds(server, channel, 40);
      t.after(() => publisher.stop());
      await until("30 are heard", async () => all.length >= 30);
      bus.debug.cut();
      await until("60 are heard", async () => all.length >= 60);
      bus.debug.hold();
      await until("30 are missed", async () => publisher.log.length >= all.length + 30);
      bus.debug.release();
      const published = (await publisher.stop()).map(({ n }) => n);
      await until("the last is heard", async () => [all, high].every((log) => log.at(-1)?.data?.n === published.at(-1)));
      await until("the last of its kind is heard", async () => [zero, same].every((log) => log.at(-1)?.data?.n === publisher.of(0).at(-1)));
      const heard = (log) => log.map(({ data, gap }) => data?.n ?? gap);
      assert.equal(publisher.failures, 0);
      assert.deepEqual([heard(all), heard(zero), heard(same), heard(high), heard(none)], [published, publisher.of(0), publisher.of(0), published.filter((n) => n > 40), []]);
    });

    test(`${transport}: scope says which changes of a document are heard: those that enter, those that leave, or both`, async (t) => {
      const name = `filters/${transport}`;
      const bus = open(t, transport);
      const filter = { equals: { free: true } };
      const logs = {};
      for (const scope of [undefined, "all", "in", "out", "none"]) logs[scope] = await listen(bus, `documents/${name}`, { filter, scope });
      const everything = await listen(bus, `documents/${name}`, {});
      const change = async (...operations) => {
        const answer = await fetch(`${server.url}/api/documents/${name}/_bulk`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ operations }) });
        assert.ok(answer.ok, await answer.clone().text());
      };
      const put = (id, free, seats) => ({ action: "put", id, content: { free, seats } });
      await change(put("a", true, 1), put("b", false, 1), put("a", true, 2), put("a", false, 3), put("b", true, 2), put("a", false, 4), { action: "remove", id: "b" }, { action: "remove", id: "a" });
      await until("all changes", async () => everything.length === 8);
      const entered = ["a 1", "a 2", "b 2"];
      const left = ["a 3 out", "b 2 out"];
      await until("those of each scope", async () => logs.undefined.length === 5 && logs.all.length === 5 && logs.in.length === 3 && logs.out.length === 2);
      const heard = (log) => log.map(({ data, message }) => [data._id, data.seats, message.scope].filter(Boolean).join(" "));
      assert.deepEqual(heard(logs.all), ["a 1", "a 2", "a 3 out", "b 2", "b 2 out"]);
      assert.deepEqual([heard(logs.undefined), heard(logs.in), heard(logs.out), logs.none], [heard(logs.all), entered, left, []]);
    });

    test(`${transport}: a filter that means nothing is refused with the place of the fault, and the bus goes on`, async (t) => {
      const bus = open(t, transport);
      const log = await listen(bus, `filters/faults/${transport}`, {});
      await assert.rejects(listen(bus, `filters/faults/${transport}`, { filter: { and: [{ range: { n: { gt: 1, gte: 2 } } }] } }), { code: "bad_filter", message: /and\.range\.n/ });
      await server.publish(`filters/faults/${transport}`, { n: 1 });
      await until("heard", async () => log.length === 1);
    });
  }

  test("two tabs with different filters share a connection; the leader is closed: the other one hears all that is its own", async (t) => {
    const place = await site();
    const browser = await browse();
    t.after(async () => {
      await browser.close();
      place.close();
    });
    const tab = (value) => openTab(browser, place, server, "filters/tabs", {}, { filter: kind(value) });
    const tabs = [await tab(0), await tab(1)];
    const leader = await leaderOf(tabs);
    const follower = tabs.find((t) => t !== leader);
    const shared = () => until("one connection", async () => (await server.metric("tidings_connections")) === 1);
    await shared();
    const publisher = new Kinds(server, "filters/tabs", 40);
    t.after(() => publisher.stop());
    const numbers = async (tab) => (await tab.log()).map(({ message, gap }) => message?.n ?? gap);
    await until("both hear", async () => (await numbers(leader)).length >= 10 && (await numbers(follower)).length >= 10);
    const last = await numbers(leader);
    await leader.page.close();
    const closed = publisher.n;
    await until("the other leads", async () => (await follower.status()).tab === "leader");
    await follower.heardAfter(closed);
    const late = await tab(0);
    await late.heardAfter(publisher.n);
    await publisher.stop();
    assert.equal(publisher.failures, 0);
    await until("all is heard", async () => (await numbers(follower)).at(-1) === publisher.of(1).at(-1) && (await numbers(late)).at(-1) === publisher.of(0).at(-1));
    const begun = await numbers(late);
    assert.deepEqual(await numbers(follower), publisher.of(1));
    assert.deepEqual(last, publisher.of(0).slice(0, last.length));
    assert.deepEqual(begun, publisher.of(0).slice(-begun.length));
    await shared();
  });
});
