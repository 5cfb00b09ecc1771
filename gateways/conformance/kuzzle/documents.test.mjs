// Documents, bulk, collections and indexes by the unmodified SDK, with what is heard of them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { serve } from "../../../clientjs/e2e/tidings.mjs";
import { Heard, connect, disconnectAll } from "./sdk.mjs";

let server, kuzzle;
before(async () => {
  server = await serve();
  kuzzle = await connect(server);
});
after(() => (disconnectAll(), server.stop()));

/** Without the metadata, of which the fields are checked. */
function source({ _kuzzle_info: info, ...rest }) {
  assert.deepEqual(Object.keys(info).sort(), ["author", "createdAt", "updatedAt", "updater"]);
  return rest;
}

test("a guide's program: create, subscribe, create a document, hear of it", async () => {
  await kuzzle.index.create("nyc");
  await kuzzle.collection.create("nyc", "taxi", { mappings: { properties: { name: { type: "keyword" } } } });
  assert.equal(await kuzzle.collection.exists("nyc", "taxi"), true);
  const heard = new Heard();
  await kuzzle.realtime.subscribe("nyc", "taxi", {}, heard.hear);
  const other = await connect(server);
  const made = await other.document.create("nyc", "taxi", { name: "Ann", licence: "B" }, "ann", { volatile: { why: "new" } });
  assert.equal(made._id, "ann");
  assert.deepEqual(source(made._source), { name: "Ann", licence: "B" });
  const [n] = await heard.until(1);
  assert.deepEqual([n.type, n.event, n.action, n.scope, n.controller, n.protocol, n.index, n.collection, n.volatile.why], ["document", "write", "create", "in", "document", "websocket", "nyc", "taxi", "new"]);
  assert.equal(n.result._id, "ann");
  assert.equal(n.result._version, made._version);
  assert.deepEqual(source(n.result._source), { name: "Ann", licence: "B" });
  assert.deepEqual({ author: n.result._source._kuzzle_info.author, updatedAt: n.result._source._kuzzle_info.updatedAt, updater: n.result._source._kuzzle_info.updater }, { author: "-1", updatedAt: null, updater: null });
  await kuzzle.bulk.write("nyc", "taxi", { name: "silent" }, "silent");
  await kuzzle.bulk.import("nyc", "taxi", [{ index: { _id: "imported" } }, { name: "Bob" }]);
  await other.document.update("nyc", "taxi", "ann", { licence: "C" });
  const [, update] = await heard.until(2); // of the bulk before nothing is heard
  assert.deepEqual([update.action, update.event, update.result._updatedFields], ["update", "write", ["licence"]]);
  await other.document.delete("nyc", "taxi", "ann");
  const [, , gone] = await heard.until(3);
  assert.deepEqual([gone.action, gone.event, gone.scope], ["delete", "delete", "out"]);
  assert.equal((await kuzzle.document.get("nyc", "taxi", "imported"))._source.name, "Bob");
});

test("a document enters and leaves a filter", async () => {
  const [entering, leaving] = [new Heard(), new Heard()];
  const filter = { range: { seats: { gte: 4 } } };
  await kuzzle.realtime.subscribe("nyc", "seats", filter, entering.hear, { scope: "in" });
  await kuzzle.realtime.subscribe("nyc", "seats", filter, leaving.hear, { scope: "out" });
  await kuzzle.document.create("nyc", "seats", { seats: 4 }, "a");
  await kuzzle.document.update("nyc", "seats", "a", { seats: 3 });
  const [out] = await leaving.until(1);
  assert.deepEqual([out.scope, out.action, out.result._source.seats], ["out", "update", 3]);
  assert.deepEqual((await entering.until(1)).map((n) => [n.scope, n.action]), [["in", "create"]]);
});

test("one document at a time", async () => {
  const at = ["shop", "orders"];
  const { _id } = await kuzzle.document.create(...at, { n: 1 });
  assert.ok(_id);
  await assert.rejects(kuzzle.document.create(...at, { n: 1 }, _id), { status: 400, id: "services.storage.document_already_exists", code: 16842769 });
  assert.equal(await kuzzle.document.exists(...at, _id), true);
  assert.equal(await kuzzle.document.exists(...at, "nobody"), false);
  await assert.rejects(kuzzle.document.get(...at, "nobody"), { status: 404, id: "services.storage.not_found", code: 16842763, message: 'Document "nobody" not found in "shop":"orders".' });
  await assert.rejects(kuzzle.document.update(...at, "nobody", {}), { status: 404 });
  assert.equal((await kuzzle.document.createOrReplace(...at, "x", { a: { b: 1 } })).created, true);
  assert.equal((await kuzzle.document.createOrReplace(...at, "x", { a: { b: 2 } })).created, false);
  assert.deepEqual(source((await kuzzle.document.update(...at, "x", { a: { c: 3 } }, { source: true }))._source), { a: { b: 2, c: 3 } });
  const read = await kuzzle.document.get(...at, "x");
  await kuzzle.document.replace(...at, "x", { ...read._source, d: 4 }); // as it was read, with the metadata
  assert.deepEqual(source((await kuzzle.document.get(...at, "x"))._source), { a: { b: 2, c: 3 }, d: 4 });
  await kuzzle.document.deleteFields(...at, "x", ["a.b", "d"]);
  assert.deepEqual(source((await kuzzle.document.get(...at, "x"))._source), { a: { c: 3 } });
  assert.equal((await kuzzle.document.upsert(...at, "y", { a: 1 }, { default: { b: 2 } })).created, true);
  assert.deepEqual(source((await kuzzle.document.get(...at, "y"))._source), { a: 1, b: 2 });
  assert.equal(await kuzzle.document.delete(...at, "y"), "y");
});

test("many documents at once, of which some are refused", async () => {
  const at = ["shop", "many"];
  const made = await kuzzle.document.mCreate(...at, [{ _id: "a", body: { n: 1 } }, { _id: "b", body: { n: 2 } }, { body: { n: 3 } }]);
  assert.deepEqual(made.successes.map((d) => [d.status, d.created, source(d._source).n]), [[201, true, 1], [201, true, 2], [201, true, 3]]);
  assert.deepEqual(made.errors, []);
  const again = await kuzzle.document.mCreate(...at, [{ _id: "a", body: { n: 9 } }, { _id: "c", body: { n: 4 } }]);
  assert.equal(again.successes.length, 1);
  assert.deepEqual(again.errors.map((e) => [e.status, e.document]), [[400, { _id: "a", body: { n: 9 } }]]);
  const updated = await kuzzle.document.mUpdate(...at, [{ _id: "a", body: { m: 1 } }, { _id: "nobody", body: {} }]);
  assert.deepEqual(updated.successes.map((d) => source(d._source)), [{ n: 1, m: 1 }]);
  assert.deepEqual(updated.errors.map((e) => e.status), [404]);
  assert.equal((await kuzzle.document.mCreateOrReplace(...at, [{ _id: "a", body: { n: 5 } }])).successes[0].created, false);
  assert.equal((await kuzzle.document.mReplace(...at, [{ _id: "a", body: { n: 1 } }])).successes.length, 1);
  const got = await kuzzle.document.mGet(...at, ["a", "nobody", "b"]);
  assert.deepEqual(got.successes.map((d) => d._id), ["a", "b"]);
  assert.deepEqual(got.errors, ["nobody"]);
  assert.deepEqual((await kuzzle.query({ controller: "document", action: "mExists", index: at[0], collection: at[1], body: { ids: ["a", "nobody", "b"] } })).result, { successes: ["a", "b"], errors: ["nobody"] });
  const deleted = await kuzzle.document.mDelete(...at, ["a", "nobody"]);
  assert.deepEqual(deleted.successes, ["a"]);
  assert.deepEqual(deleted.errors.map((e) => [e._id, e.status]), [["nobody", 404]]);
  assert.equal((await kuzzle.bulk.mWrite(...at, [{ _id: "w", body: { n: 7 } }])).successes.length, 1);
});

test("search, by both languages, page by page", async () => {
  const at = ["shop", "found"];
  await kuzzle.document.mCreate(...at, Array.from({ length: 30 }, (_, n) => ({ _id: `d${n}`, body: { n, kind: n % 2 ? "odd" : "even" } })));
  const all = await kuzzle.document.search(...at, {}, { size: 5 });
  assert.deepEqual([all.total, all.fetched, all.hits.length], [30, 5, 5]);
  const koncorde = await kuzzle.document.search(...at, { query: { and: [{ equals: { kind: "odd" } }, { range: { n: { gt: 20 } } }] }, sort: [{ n: "desc" }] }, { lang: "koncorde" });
  assert.deepEqual(koncorde.hits.map((h) => h._source.n), [29, 27, 25, 23, 21]);
  const elastic = await kuzzle.document.search(...at, { query: { bool: { must: [{ term: { kind: "odd" } }], filter: { range: { n: { gte: 20 } } }, must_not: [{ ids: { values: ["d29"] } }] } }, sort: ["n"] });
  assert.deepEqual(elastic.hits.map((h) => h._source.n), [21, 23, 25, 27]);
  let page = await kuzzle.document.search(...at, { sort: [{ n: { order: "asc" } }] }, { size: 12, scroll: "1m" });
  const seen = [];
  for (; page; page = await page.next()) seen.push(...page.hits.map((h) => h._source.n));
  assert.deepEqual(seen, Array.from({ length: 30 }, (_, n) => n));
  const from = await kuzzle.document.search(...at, { sort: ["n"] }, { from: 10, size: 3 });
  assert.deepEqual(from.hits.map((h) => h._source.n), [10, 11, 12]);
  assert.equal(await kuzzle.document.count(...at, { query: { term: { kind: "even" } } }), 15);
  await assert.rejects(kuzzle.document.search(...at, { query: { match: { kind: "odd" } } }), (e) => e.status === 501 && /match/.test(e.message));
  await assert.rejects(kuzzle.document.search(...at, { aggregations: {} }), (e) => e.status === 501 && /aggregations/.test(e.message));
  await assert.rejects(kuzzle.query({ controller: "document", action: "scroll", scrollId: "nonsense" }), { status: 404, id: "services.storage.unknown_scroll_id" });
  const changed = await kuzzle.document.updateByQuery(...at, { term: { kind: "odd" } }, { odd: true });
  assert.equal(changed.successes.length, 15);
  const deleted = await kuzzle.document.deleteByQuery(...at, { query: { range: { n: { lt: 28 } } } });
  assert.equal(deleted.length, 28);
  assert.equal(await kuzzle.document.count(...at, {}), 2);
});

test("collections and indexes", async () => {
  await kuzzle.document.create("lists", "one", {});
  await kuzzle.document.create("lists", "two", {});
  assert.deepEqual((await kuzzle.collection.list("lists")).collections, [{ name: "one", type: "stored" }, { name: "two", type: "stored" }]);
  assert.ok((await kuzzle.index.list()).includes("lists"));
  assert.equal(await kuzzle.index.exists("lists"), true);
  assert.equal(await kuzzle.index.exists("nowhere"), false);
  await kuzzle.collection.refresh("lists", "one");
  await kuzzle.collection.truncate("lists", "one");
  assert.equal(await kuzzle.document.count("lists", "one", {}), 0);
  await kuzzle.collection.delete("lists", "one");
  assert.equal(await kuzzle.collection.exists("lists", "one"), false);
  await kuzzle.index.delete("lists");
  assert.equal(await kuzzle.index.exists("lists"), false);
  await assert.rejects(kuzzle.collection.getMapping("lists", "one"), (e) => e.status === 501 && /getMapping/.test(e.message));
});
