// Live lists of documents against the real binary, in this process and in tabs of real Chromium: a backend makes some 200
// changes a second over HTTP, the connection is cut twice, two changes are too large for their channel, so that a `reset` comes in their place.
// At the end each list is what a search finds, and on the way none showed a row that its filter does not match. All of it
// over SQLite and over PostgreSQL, which has a table that others write as well.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { collection } from "../dist/collection.js";
import { createMessageBus } from "../dist/tidings.js";
import { chrome, closeChrome, transports, until } from "./clients.mjs";
import { postgres } from "./postgres.mjs";
import { run, serve } from "./tidings.mjs";

const CONFIG = `
rules:
  channels:
    "**": {subscribe: anyone, publish: anyone, write: anyone}
    "documents/city/**": {subscribe: anyone, write: anyone, payload: 2KiB}
`;

const FREE = { equals: { free: true } };
const queries = [{ filter: FREE, sort: ["-seats", "driver.name"] }, { filter: FREE, sort: ["seats"], limit: 7 }, { sort: ["driver.name"] }];

for (const store of ["sqlite", "postgres"]) describe(`live lists over ${store}`, { timeout: 180_000 }, () => {
  let server;
  let database;
  const folder = mkdtempSync(join(tmpdir(), "tidings-documents-"));
  before(async () => {
    writeFileSync(join(folder, "tidings.yaml"), CONFIG);
    if (store === "postgres") database = await postgres();
    server = await serve(database ? { TIDINGS_POSTGRES_URL: database.url } : {}, undefined, ["--store", store, "--config", join(folder, "tidings.yaml")]);
  });
  after(async () => {
    await closeChrome();
    await server?.stop();
    await database?.stop();
    rmSync(folder, { recursive: true });
  });

  async function api(path, body) {
    const answer = await fetch(`${server.url}/api/documents/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    assert.ok(answer.ok, `${path}: ${await answer.clone().text()}`);
    return answer.json();
  }

  /** All that a search finds, over HTTP. */
  async function found(name, { limit = Infinity, ...query }) {
    const all = [];
    for (let after; ; ) {
      const { documents, next } = await api(`${name}/_search`, { ...query, limit: 256, after });
      all.push(...documents);
      if (!(after = next)) return all.slice(0, limit);
    }
  }

  let drawn = 7;
  const below = (n) => (drawn = (drawn * 48271) % 2147483647) % n;
  const driver = () => ({ name: ["Ann", "Bo", "Cem", "Dag", "Eve", "Öz"][below(6)] });

  /** Changes of some 60 documents: ten operations in each twentieth of a second. Returns how many were made. */
  async function drive(name, seconds) {
    let made = 0;
    const end = Date.now() + seconds * 1_000;
    for (let next = Date.now(); next < end; next += 50) {
      await sleep(Math.max(0, next - Date.now()));
      const operations = Array.from({ length: 10 }, () => {
        const id = `t${below(60)}`;
        const kind = below(10);
        if (kind === 0) return { action: "remove", id };
        if (kind < 4) return { action: "put", id, content: { seats: below(9), free: below(3) > 0, driver: driver() } };
        return { action: "upsert", id, content: { free: below(3) > 0 }, default: { seats: below(9), driver: driver() } };
      });
      const { results } = await api(`${name}/_bulk`, { operations });
      made += results.filter((r) => r.event).length;
    }
    return made;
  }

  /** A change of which the message would be larger than the rule of the channel allows. */
  const enlarge = (name) => api(`${name}/_bulk`, { operations: [{ action: "put", id: "large", content: { seats: 1, free: true, driver: { name: "x".repeat(3_000) } } }] });
  const shrink = (name) => api(`${name}/_bulk`, { operations: [{ action: "remove", id: "large" }] });

  for (const transport of store === "sqlite" ? transports : ["websocket"]) {
    test(`${transport}: three lists, two cuts and two resets`, async (t) => {
      const name = `city/${transport}`;
      await drive(name, 0.2);
      const bus = createMessageBus({ url: `${server.url}/bus`, transports: [transport], WebSocket });
      t.after(() => bus.close());
      let searches = 0;
      let gaps = 0;
      const counted = {
        subscribe: (channel, onMessage, options) => bus.subscribe(channel, onMessage, { ...options, onGap: (gap) => (gaps++, options.onGap(gap)) }),
        request(frame) {
          if (frame.data.action === "search" && frame.data.after === undefined) searches++;
          return bus.request(frame);
        },
      };
      const lists = queries.map((query) => ({ query, state: undefined, wrong: [] }));
      for (const list of lists) {
        const stop = collection(counted, name).live(list.query, (state) => {
          list.state = state;
          if (list.query.filter && state.documents.some((d) => !d.free)) list.wrong.push("a row that the filter does not match");
          if (new Set(state.documents.map((d) => d._id)).size !== state.documents.length) list.wrong.push("a row twice");
          if (state.error) list.wrong.push(state.error.code);
        });
        t.after(stop);
      }
      const writing = drive(name, 4);
      await until("loaded", async () => lists.every((l) => l.state?.known));
      await sleep(500);
      bus.debug.cut();
      await sleep(700);
      await enlarge(name);
      await sleep(300);
      bus.debug.hold();
      await sleep(700);
      bus.debug.release();
      const made = await writing;
      await shrink(name);
      for (const { query, wrong, ...list } of lists) {
        const own = lists.find((l) => l.query === query);
        const want = await found(name, query);
        await until(`a list is what a search finds: ${JSON.stringify(query)}`, async () => JSON.stringify(own.state.documents) === JSON.stringify(want));
        assert.deepEqual(wrong, []);
        assert.ok(want.length > 5, "there is something to see");
      }
      t.diagnostic(`${made} changes, ${searches} loads, ${gaps} gaps`);
      // The first load, and one for each reset and gap: a cut alone is none. The large document's end is a reset, too.
      assert.ok(searches <= 3 * lists.length + gaps, `${searches} loads for ${gaps} gaps and two resets`);
    });
  }

  test("in Chromium: a tab that leads and one that follows, by the hook's function", async (t) => {
    const name = "city/tabs";
    await drive(name, 0.2);
    const context = await (await chrome()).newContext();
    t.after(() => context.close());
    const open = async () => {
      const page = await context.newPage();
      await page.goto(`${server.url}/healthz`);
      await page.evaluate(
        async ({ name, queries }) => {
          const { createMessageBus } = await import("/client/tidings.js");
          const { collection } = await import("/client/collection.js");
          const bus = (window.bus = createMessageBus());
          window.lists = queries.map((query) => {
            const list = { wrong: [], states: 0 };
            collection(bus, name).live(query, (state) => {
              Object.assign(list, { documents: state.documents, known: state.known, states: list.states + 1 });
              if (query.filter && state.documents.some((d) => !d.free)) list.wrong.push("a row that the filter does not match");
              if (state.error) list.wrong.push(state.error.code);
            });
            return list;
          });
        },
        { name, queries },
      );
      await until("loaded", () => page.evaluate(() => window.lists.every((l) => l.known)));
      return page;
    };
    const pages = [await open(), await open()];
    const roles = await Promise.all(pages.map((page) => page.evaluate(() => window.bus.status.tab)));
    assert.deepEqual(roles, ["leader", "follower"]);
    const writing = drive(name, 4);
    await sleep(1_000);
    await pages[0].evaluate(() => window.bus.debug.cut());
    await sleep(700);
    await enlarge(name);
    await pages[0].evaluate(() => window.bus.debug.cut());
    const made = await writing;
    await shrink(name);
    for (const page of pages) {
      for (const [i, query] of queries.entries()) {
        const want = JSON.stringify(await found(name, query));
        await until(`list ${i} is what a search finds`, () => page.evaluate(([i, want]) => JSON.stringify(window.lists[i].documents) === want, [i, want]));
      }
      assert.deepEqual(await page.evaluate(() => window.lists.flatMap((l) => l.wrong)), []);
    }
    t.diagnostic(`${made} changes, ${await pages[0].evaluate(() => window.lists.map((l) => l.states).join())} states of the three lists`);
  });

  test("what a page writes is in the answer, in a search and in a list", async (t) => {
    const bus = createMessageBus({ url: `${server.url}/bus`, transports: ["websocket"], WebSocket });
    t.after(() => bus.close());
    const taxis = collection(bus, "city/own");
    let list;
    t.after(taxis.live({ sort: ["seats"] }, (state) => (list = state.documents)));
    const { id, version, document } = await taxis.create({ seats: 4 }, { id: "a/1", meta: { by: "test" } });
    assert.deepEqual([id, document._id, document._version, document.seats], ["a/1", "a/1", version, 4]);
    assert.deepEqual(await taxis.get("a/1"), document);
    assert.equal(await taxis.get("nobody"), null);
    await taxis.patch("a/1", { driver: { name: "Jo" } }, { version });
    await assert.rejects(taxis.patch("a/1", { seats: 5 }, { version }), { code: "version_conflict" });
    await assert.rejects(taxis.replace("nobody", {}), { code: "not_found" });
    const results = await taxis.mUpsert([{ id: "b", content: { seats: 1 } }, { id: "c", content: { seats: 2 }, default: { free: true } }]);
    assert.deepEqual(results.map((r) => r.event), ["created", "created"]);
    assert.deepEqual((await taxis.bulk([{ action: "removeFields", id: "c", fields: ["free"] }, { action: "create", id: "b", content: {} }])).map((r) => r.event ?? r.error.code), ["patched", "version_conflict"]);
    assert.deepEqual((await taxis.mGet(["c", "nobody", "b"])).map((d) => d._id), ["c", "b"]);
    assert.deepEqual(await taxis.patchByQuery({ range: { seats: { lte: 2 } } }, { free: false }), { matched: 2, changed: 2, complete: true });
    assert.equal((await taxis.search({ limit: 1, count: true })).total, 3);
    await until("the list has it", async () => list?.map((d) => `${d._id}${d.free ?? d.driver?.name}`).join(" ") === "bfalse cfalse a/1Jo");
    assert.equal((await taxis.remove("a/1")).event, "removed");
    await until("the list has it no more", async () => list.length === 2);
  });

  if (store === "sqlite") return;

  test("a table that SQL writes: rows without a version, in a list with a filter", async (t) => {
    database.sql("CREATE TABLE public.orders (id serial PRIMARY KEY, status text, total int)");
    run(["pg", "watch", "orders", "--as", "city/orders"], { TIDINGS_POSTGRES_URL: database.url });
    const bus = createMessageBus({ url: `${server.url}/bus`, transports: ["websocket"], WebSocket });
    t.after(() => bus.close());
    const query = { filter: { equals: { status: "open" } }, sort: ["-total"] };
    let state;
    const wrong = [];
    t.after(
      collection(bus, "city/orders").live(query, (now) => {
        state = now;
        if (now.documents.some((d) => d.status !== "open")) wrong.push("a row that the filter does not match");
        if (now.documents.some((d) => "_version" in d || "_info" in d)) wrong.push("a row with what a table does not have");
        if (now.error) wrong.push(now.error.code);
      }),
    );
    database.sql("INSERT INTO public.orders (status, total) SELECT CASE WHEN n % 3 = 0 THEN 'done' ELSE 'open' END, n % 17 FROM generate_series(1, 60) AS n");
    await until("loaded", async () => state?.known);
    for (let n = 1; n <= 10; n++) {
      database.sql(`UPDATE public.orders SET status = CASE status WHEN 'open' THEN 'done' ELSE 'open' END, total = total + ${n} WHERE id % 10 = ${n % 10}; DELETE FROM public.orders WHERE id = ${n * 4}`);
      if (n === 5) bus.debug.cut();
    }
    database.sql("BEGIN; DELETE FROM public.orders; ROLLBACK");
    await until("the list is what a search finds", async () => JSON.stringify(state.documents) === JSON.stringify(await found("city/orders", query)));
    assert.ok(state.documents.length > 5, "there is something to see");
    database.sql("TRUNCATE public.orders");
    await until("the list is empty", async () => state.known && state.documents.length === 0);
    assert.deepEqual(wrong, []);
  });
});
