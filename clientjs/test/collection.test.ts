// A collection and its live lists, over a store that the test holds in its hand.
import assert from "node:assert/strict";
import { test } from "node:test";
import { collection, type ListQuery, type ListState } from "../src/collection.js";
import { orderBy } from "../src/collection/order.js";
import { TidingsError } from "../src/index.js";
import { createFakeBus } from "../src/testing.js";
import { captured } from "./helpers/bus.js";
import { FakeClock, settle } from "./helpers/clock.js";
import { FREE, ModelStore, type Content, type Doc } from "./helpers/store.js";

const at = (place: number, free = true): Content => ({ place, free });

/** A live list over a store with `count` documents: d0 at place 0, d1 at place 10, … */
async function watched(query: ListQuery = {}, count = 3, prepare: (store: ModelStore) => void = () => {}) {
  const store = new ModelStore();
  for (let i = 0; i < count; i++) store.write(`d${i}`, at(10 * i));
  store.publish();
  store.deliver();
  prepare(store);
  const clock = new FakeClock();
  const states: ListState<Content>[] = [];
  const stop = collection<Content>(store.bus, "city/taxis", clock).live(query, (state) => void states.push(state));
  store.subscribed();
  await settle();
  const ids = (): string => states.at(-1)?.documents.map((d) => d._id).join(" ") ?? "nothing";
  /** Publishes and delivers what was written. */
  const told = async (): Promise<void> => {
    store.publish();
    store.deliver();
    await settle();
  };
  return { store, clock, states, stop, ids, told, last: () => states.at(-1)! };
}

test("a list is loaded once, and follows each change", async () => {
  const { store, ids, told, states, last } = await watched({ filter: FREE, sort: ["place"] });
  assert.deepEqual([ids(), last().known, last().loading, last().more, last().error], ["d0 d1 d2", true, false, false, null]);
  const [first] = last().documents;
  for (const [write, want] of [
    [() => store.write("d3", at(15)), "d0 d1 d3 d2"], // created
    [() => store.write("d3", at(5)), "d0 d3 d1 d2"], // moved
    [() => store.write("d1", at(10, false)), "d0 d3 d2"], // the filter does not match it any more
    [() => store.write("d4", at(1, false)), "d0 d3 d2"], // nor this one ever
    [() => store.write("d1", at(30)), "d0 d3 d2 d1"],
    [() => store.write("d3", null), "d0 d2 d1"], // removed
  ] as const) {
    write();
    await told();
    assert.equal(ids(), want);
  }
  assert.equal(store.searches.length, 1);
  assert.equal(states.length, 6, "one state for each change that it hears");
  assert.equal(last().documents[0], first, "what did not change is the same object");
});

test("a burst of changes is one state", async () => {
  const { store, told, states } = await watched();
  for (let i = 0; i < 50; i++) store.write("d0", at(i));
  await told();
  assert.deepEqual([states.length, states.at(-1)?.documents[0]?.place], [2, 49]);
});

test("an ordinary message on the channel is no change", async () => {
  const bus = createFakeBus();
  bus.answerWith(() => ({ data: { documents: [{ _id: "a" }], complete: true, seen: { before: 9, next: 9, open: [] } } }));
  const states: ListState<object>[] = [];
  collection(bus, "i/c").live({}, (state) => void states.push(state));
  await settle();
  bus.message("documents/i/c", { _id: "b" });
  bus.message("documents/i/c", {}, { event: "reset" });
  await settle();
  assert.equal(states.length, 1);
  bus.message("documents/i/c", { _id: "b" }, { change: 9 });
  await settle();
  assert.deepEqual(states.at(-1)?.documents.map((d) => d._id), ["a", "b"]);
});

const interventions: Record<string, (store: ModelStore) => void> = {
  "a creation": (s) => s.write("new", at(12)),
  "a creation at the end": (s) => s.write("new", at(999)),
  "a change": (s) => s.write("d1", at(11)),
  "a change of place": (s) => s.write("d1", at(55)),
  "a change of place to the front": (s) => s.write("d5", at(1)),
  "one that leaves": (s) => s.write("d1", at(10, false)),
  "a removal": (s) => s.write("d1", null),
  "one that comes and leaves": (s) => (s.write("new", at(12)), s.write("new", at(12, false))),
  "one that leaves and comes back": (s) => (s.write("d1", null), s.write("d1", at(13))),
  "a reset": (s) => s.bulk((all) => all.delete("d1")),
  "a gap": (s) => (s.write("d1", at(14)), s.gap()),
};
for (const [name, intervene] of Object.entries(interventions)) {
  for (const query of [{ filter: FREE, sort: ["place"] }, { filter: FREE, sort: ["place"], limit: 3 }]) {
    test(`${name} at each moment of a load, limit ${query.limit ?? "none"}: the list is as the store at the end`, async () => {
      for (const when of ["told at once", "told when all is loaded"]) {
        for (let moment = 0; ; moment++) {
          let passed = 0;
          const { store, told, last, states } = await watched(query, 7, (s) => {
            s.pageSize = 3; // so that there are several
            s.barrier = () => {
              if (passed++ !== moment) return;
              intervene(s);
              s.publish();
              if (when === "told at once") s.deliver();
            };
          });
          if (passed <= moment) break; // there are no more
          await told();
          const want = store.all(query);
          assert.deepEqual(last().documents, want.slice(0, query.limit), `${when}, at moment ${moment}`);
          assert.equal(last().more, want.length > (query.limit ?? Infinity));
          for (const { documents } of states) {
            assert.ok(documents.every((d) => d.free), `${when}, at moment ${moment}: a row that the filter does not match`);
          }
        }
      }
    });
  }
}

test("a gap loads anew, once, and the old list stays until then", async () => {
  const { store, ids, last, states, told } = await watched({ sort: ["place"] });
  let seen = "";
  store.barrier = () => void (seen ||= `${ids()} ${last().loading}`);
  store.write("d1", null);
  store.gap();
  await settle();
  assert.equal(seen, "d0 d1 d2 false", "the old list, while the search is on its way");
  assert.deepEqual(states.map((s) => [s.documents.length, s.known, s.loading]), [[3, true, false], [3, true, true], [2, true, false]]);
  store.write("d9", at(90));
  await told();
  assert.deepEqual([ids(), store.searches.length], ["d0 d2 d9", 2]);
});

test("ten gaps and resets while a search is under way are one more", async () => {
  const { store, ids } = await watched();
  const begin = store.searches.length;
  let once = true;
  store.barrier = () => {
    if (!once) return;
    once = false;
    for (let i = 0; i < 5; i++) store.gap(), store.bulk((all) => all.delete("d0")), store.deliver();
  };
  store.gap();
  await settle();
  assert.deepEqual([ids(), store.searches.length - begin], ["d1 d2", 2]);
});

test("a list with a limit loads one more page where a removal leaves it short, and no earlier", async () => {
  const { store, ids, told, last } = await watched({ sort: ["place"], limit: 4 }, 20);
  assert.deepEqual([ids(), last().more, store.searches.length], ["d0 d1 d2 d3", true, 1]);
  store.write("d19", null); // far behind
  store.write("d2", at(21));
  store.write("new", at(1)); // pushes d3 out of sight
  await told();
  assert.deepEqual([ids(), store.searches.length], ["d0 new d1 d2", 1]);
  store.write("d0", null);
  await told();
  assert.deepEqual([ids(), store.searches.length], ["new d1 d2 d3", 1], "it knows what follows");
  store.write("d1", null);
  await told();
  assert.deepEqual([ids(), store.searches.length], ["new d2 d3 d4", 2]);
  for (const id of ["d2", "d3", "d4"]) {
    store.write(id, null);
    await told();
  }
  assert.deepEqual([ids(), store.searches.length], ["new d5 d6 d7", 2], "a page has as many as the limit");
  for (let i = 5; i < 19; i++) store.write(`d${i}`, null);
  await told();
  assert.deepEqual([ids(), last().more], ["new", false]);
});

test("a list with a limit does not grow with what comes in front", async () => {
  const { store, ids, told, last } = await watched({ sort: ["-place"], limit: 2 }, 3);
  for (let i = 3; i < 2_000; i++) store.write(`d${i}`, at(10 * i));
  await told();
  assert.deepEqual([ids(), last().more, store.searches.length], ["d1999 d1998", true, 1]);
  for (let i = 1_999; i > 1; i--) store.write(`d${i}`, null);
  await told();
  assert.deepEqual([ids(), last().more], ["d1 d0", false]);
  assert.ok(store.searches.length > 1, "what it forgot was loaded again");
});

test("a search that stops reading goes on", async () => {
  const { store, ids } = await watched({ filter: FREE, limit: 2 }, 9, (s) => {
    for (let i = 0; i < 7; i++) s.write(`d${i}`, at(0, false));
    s.publish(), s.deliver();
    s.reads = 3;
  });
  assert.equal(ids(), "d7 d8");
  assert.equal(store.searches.length, 3);
});

test("a search that fails is tried again if it may succeed, and said", async () => {
  const { store, clock, last, ids } = await watched({}, 2, (s) => void (s.failing = new TidingsError({ code: "overloaded", retry: true })));
  assert.deepEqual([last().error?.code, last().known, last().loading], ["overloaded", false, false]);
  await clock.advance(999);
  assert.equal(store.searches.length, 1);
  await clock.advance(200_000);
  assert.ok(store.searches.length > 8 && store.searches.length < 100, `${store.searches.length} searches in 200 s`);
  store.failing = null;
  await clock.advance(30_000);
  const before = store.searches.length;
  assert.deepEqual([ids(), last().error], ["d0 d1", null]);
  store.failing = new TidingsError({ code: "bad_request" });
  store.gap();
  await settle();
  await clock.advance(1_000_000);
  assert.deepEqual([ids(), last().error?.code, store.searches.length - before, clock.pending], ["d0 d1", "bad_request", 1, 0]);
  store.failing = null;
  store.gap();
  await settle();
  assert.deepEqual([last().error, last().known], [null, true]);
});

test("who may not read any more sees nothing, and all again when it may", async () => {
  const { store, last, ids, told } = await watched({}, 2);
  store.refuse(new TidingsError({ code: "forbidden" }));
  await settle();
  assert.deepEqual([ids(), last().known, last().error?.code], ["", false, "forbidden"]);
  store.write("d0", null);
  await told();
  store.subscribed();
  await settle();
  assert.deepEqual([ids(), last().known, last().error], ["d1", true, null]);
});

test("who may not read any more while a search is under way does not see its answer", async () => {
  const { store, last, ids } = await watched({}, 2);
  let once = true;
  store.barrier = () => {
    if (once) store.refuse(new TidingsError({ code: "forbidden" }));
    once = false;
  };
  store.gap();
  await settle();
  assert.deepEqual([ids(), last().known, last().error?.code], ["", false, "forbidden"]);
});

test("a list that was stopped hears, asks and says nothing", async () => {
  const { store, states, stop, clock, told } = await watched();
  store.barrier = () => stop();
  store.gap();
  await settle();
  const before = states.length;
  store.write("d0", null);
  await told();
  await clock.advance(100_000);
  assert.deepEqual([states.length, store.searches.length, clock.pending], [before, 2, 0]);
});

test("a listener that throws is reported, and breaks nothing", async () => {
  const store = new ModelStore();
  let calls = 0;
  const { error } = await captured(async () => {
    const stop = collection(store.bus, "i/c").live({}, () => {
      calls++;
      throw new Error("mine");
    });
    store.subscribed();
    await settle();
    store.write("a", at(1));
    store.publish(), store.deliver();
    await settle();
    stop();
  });
  assert.deepEqual([calls, error.length], [2, 2]);
});

test("documents are ordered as the server orders them", () => {
  const list: [unknown, string][] = [
    [undefined, "a"], [null, "b"], [-2, "c"], [false, "d"], [0.5, "e"], [true, "f"], [7, "g"],
    ["", "h"], ["B", "i"], ["a", "j"], ["ab", "k"], ["\uffff", "m"], ["\u{1f600}", "n"], // by code points, not by halves
  ];
  const documents = list.map(([x, _id]) => ({ _id, a: { x } }));
  const ids = (sort: string[]): string => [...documents].reverse().sort(orderBy(sort)).map((d) => d._id).join("");
  assert.equal(ids(["a.x"]), "abcdefghijkmn");
  assert.equal(ids(["-a.x"]), "nmkjihgfedcab", "equal ones by id, upwards");
  assert.equal(ids([]), "abcdefghijkmn");
  assert.equal(ids(["a.constructor", "a.x.length", "-_id"]), "nmkjihgfedcba", "what is no field of the document is missing");
});

test("each method is one call, with what the server knows it by", async () => {
  const bus = createFakeBus();
  const document = { _id: "t1", free: true };
  bus.answerWith(({ data }) => {
    const { action } = data as { action: string };
    return { data: action === "get" ? document : /^m[A-Z]|bulk/.test(action) ? { documents: [document], results: [{ id: "t1", version: 1, event: "created" }] } : {} };
  });
  const taxis = collection<{ free: boolean; driver?: { name: string; age: number } }>(bus, "city/taxis");
  assert.deepEqual([taxis.name, taxis.channel], ["city/taxis", "documents/city/taxis"]);
  assert.deepEqual(await taxis.get("t1"), document);
  assert.deepEqual(await taxis.mGet(["t1"]), [document]);
  await taxis.search({ filter: FREE, sort: ["-free"], limit: 5, after: "x", count: true });
  await taxis.create({ free: true }, { meta: { by: "me" } });
  await taxis.create({ free: true }, { id: "t1" });
  await taxis.put("t1", { free: true });
  await taxis.replace("t1", { free: true }, { version: 3 });
  await taxis.patch("t1", { driver: { age: 40 } });
  await taxis.upsert("t1", { free: true }, { default: { driver: { name: "Jo" } } });
  await taxis.remove("t1", { version: 4 });
  await taxis.removeFields("t1", ["driver.name"]);
  assert.deepEqual(await taxis.bulk([{ action: "remove", id: "t1" }]), [{ id: "t1", version: 1, event: "created" }]);
  for (const many of [taxis.mCreate, taxis.mPut, taxis.mReplace, taxis.mPatch, taxis.mUpsert, taxis.mRemove, taxis.mRemoveFields]) await many([{ id: "t1" }]);
  await taxis.patchByQuery(FREE, { free: false });
  await taxis.removeByQuery({});
  await taxis.removeFieldsByQuery({}, ["driver"], { meta: { why: "privacy" } });
  const asked = bus.requests.map(({ data }) => JSON.stringify({ ...(data as object), collection: undefined }));
  assert.deepEqual(asked, [
    `{"action":"get","id":"t1"}`,
    `{"action":"mGet","ids":["t1"]}`,
    `{"action":"search","filter":${JSON.stringify(FREE)},"sort":["-free"],"limit":5,"after":"x","count":true}`,
    `{"action":"create","meta":{"by":"me"},"content":{"free":true}}`,
    `{"action":"create","id":"t1","content":{"free":true}}`,
    `{"action":"put","id":"t1","content":{"free":true}}`,
    `{"action":"replace","version":3,"id":"t1","content":{"free":true}}`,
    `{"action":"patch","id":"t1","content":{"driver":{"age":40}}}`,
    `{"action":"upsert","default":{"driver":{"name":"Jo"}},"id":"t1","content":{"free":true}}`,
    `{"action":"remove","version":4,"id":"t1"}`,
    `{"action":"removeFields","id":"t1","fields":["driver.name"]}`,
    `{"action":"bulk","operations":[{"action":"remove","id":"t1"}]}`,
    ...["mCreate", "mPut", "mReplace", "mPatch", "mUpsert", "mRemove", "mRemoveFields"].map((action) => `{"action":"${action}","operations":[{"id":"t1"}]}`),
    `{"action":"patchByQuery","filter":${JSON.stringify(FREE)},"content":{"free":false}}`,
    `{"action":"removeByQuery","filter":{}}`,
    `{"action":"removeFieldsByQuery","meta":{"why":"privacy"},"filter":{},"fields":["driver"]}`,
  ]);
  assert.ok(bus.requests.every(({ type, method, data }) => type === "call" && method === "document" && (data as { collection: string }).collection === "city/taxis"));
  const keys = new Set(bus.requests.map((r) => r.idempotencyKey));
  assert.ok(keys.size === bus.requests.length && !keys.has(undefined), "each has a key of its own");
  await taxis.remove("t1", { idempotencyKey: "mine" });
  assert.equal(bus.requests.at(-1)?.idempotencyKey, "mine");
});

test("get is null for what is not there, and mGet asks again for what did not fit", async () => {
  const bus = createFakeBus();
  const docs = collection<Content>(bus, "i/c");
  bus.failWith(new TidingsError({ code: "not_found" }));
  assert.equal(await docs.get("a"), null);
  bus.failWith(new TidingsError({ code: "forbidden" }));
  await assert.rejects(docs.get("a"), { code: "forbidden" });
  bus.failWith(null);
  bus.answerWith(({ data }) => {
    const { ids } = data as { ids: string[] };
    return { data: { documents: [{ _id: ids[0] } as Doc], left: ids.length > 1 ? ids.slice(1) : undefined } };
  });
  assert.deepEqual((await docs.mGet(["a", "b", "c"])).map((d) => d._id), ["a", "b", "c"]);
});
