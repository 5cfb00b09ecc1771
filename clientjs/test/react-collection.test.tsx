import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { StrictMode, act, type ReactNode } from "react";
import { renderToString } from "react-dom/server";
import { useCollection, useDocument, type UseCollectionOptions } from "../src/react-collection.js";
import { MessageBusProvider } from "../src/react.js";
import { createFakeBus } from "../src/testing.js";
import { settle } from "./helpers/clock.js";
import { mount, openPage } from "./helpers/dom.js";

let closePage: () => Promise<void>;
let mounted: { unmount(): Promise<void> }[] = [];
before(async () => void (closePage = await openPage()));
after(() => closePage());
afterEach(async () => {
  for (const m of mounted.splice(0)) await m.unmount();
});
const show = async (node: ReactNode) => {
  const m = await mount(node);
  mounted.push(m);
  await act(settle);
  return m;
};

interface Taxi {
  free: boolean;
  seats: number;
}
const matches = (filter: { equals?: { free: boolean } }, taxi: unknown): boolean => !filter.equals || (taxi as Taxi).free === filter.equals.free;
const FREE = { equals: { free: true } };

function cityBus() {
  const bus = createFakeBus({ matches });
  bus.documents("city/taxis", { a: { free: true, seats: 4 }, b: { free: false, seats: 8 }, c: { free: true, seats: 6 } });
  return bus;
}

let renders = 0;
function Taxis({ name = "city/taxis", ...query }: { name?: string | null } & UseCollectionOptions) {
  const { documents, known, more, error } = useCollection<Taxi>(name, query);
  renders++;
  return <p>{known ? "" : "?"}{documents.map((d) => `${d._id}${d.seats}`).join(" ")}{more ? "…" : ""}{error?.code}</p>;
}

test("useCollection shows what a filter matches, and renders when that changes", async () => {
  const bus = cityBus();
  const wrap = (node: ReactNode) => <StrictMode><MessageBusProvider bus={bus}>{node}</MessageBusProvider></StrictMode>;
  const m = await show(wrap(<Taxis filter={{ ...FREE }} sort={["-seats"]} />));
  assert.equal(m.text(), "c6 a4");
  assert.equal(bus.subscriptions.length, 1);
  renders = 0;
  await m.render(wrap(<Taxis filter={{ ...FREE }} sort={["-seats"]} />));
  await act(async () => bus.documents("city/taxis", { b: { free: true, seats: 5 }, a: null }));
  assert.equal(m.text(), "c6 b5");
  assert.ok(renders <= 4, `${renders} renders in StrictMode, for one of a parent and one burst of changes`);
  await act(async () => bus.documents("city/taxis", { c: { free: false, seats: 6 } }));
  assert.equal(m.text(), "b5");
  const asked = bus.requests.length;
  await m.render(wrap(<Taxis sort={["seats"]} limit={1} />));
  await act(settle);
  assert.equal(m.text(), "b5…", "another query is another list");
  assert.ok(bus.requests.length <= asked + 2);
  await m.render(wrap(<Taxis name={null} />));
  await act(settle);
  assert.deepEqual([m.text(), bus.subscriptions.length], ["?", 0]);
});

test("a page can write, and sees what it wrote", async () => {
  const { collection } = await import("../src/collection.js");
  const bus = cityBus();
  const m = await show(<MessageBusProvider bus={bus}><Taxis filter={FREE} /></MessageBusProvider>);
  const taxis = collection<Taxi>(bus, "city/taxis");
  await act(async () => {
    assert.equal((await taxis.create({ free: true, seats: 2 }, { id: "d" })).event, "created");
    await taxis.patch("a", { seats: 5 });
    await taxis.patch("c", { free: false });
  });
  assert.equal(m.text(), "a5 d2");
  await assert.rejects(taxis.patch("nobody", {}), { code: "not_found" });
  await assert.rejects(taxis.remove("a", { version: 1 }), { code: "version_conflict" });
  await assert.rejects(taxis.create({ free: true, seats: 2 }, { id: "d" }), { code: "version_conflict" });
  await act(async () => {
    const results = await taxis.mPatch([{ id: "d", content: { seats: 3 } }, { id: "x" }]);
    assert.deepEqual(results.map((r) => r.event ?? r.error?.code), ["patched", "not_found"]);
    assert.deepEqual(await taxis.removeByQuery({ equals: { free: false } }), { matched: 2, changed: 2, complete: true });
    await taxis.removeFields("a", ["seats"]);
    await taxis.upsert("e", { free: true }, { default: { seats: 9 } });
  });
  assert.equal(m.text(), "aundefined d3 e9");
  assert.deepEqual((await taxis.mGet(["e", "x", "a"])).map((d) => d._id), ["e", "a"]);
  assert.equal((await taxis.search({ limit: 1, count: true })).total, 3);
});

test("useDocument shows one document, and that there is none", async () => {
  const bus = cityBus();
  function One({ id }: { id: string | null }) {
    const { document, known, loading } = useDocument<Taxi>("city/taxis", id);
    return <p>{document ? `${document._id}${document.seats}` : known ? "none" : loading ? "…" : ""}</p>;
  }
  const wrap = (id: string | null) => <MessageBusProvider bus={bus}><One id={id} /></MessageBusProvider>;
  const m = await show(wrap("b"));
  assert.equal(m.text(), "b8");
  await act(async () => bus.documents("city/taxis", { a: { free: true, seats: 1 }, b: { free: true, seats: 9 } }));
  assert.equal(m.text(), "b9");
  await act(async () => bus.documents("city/taxis", { b: null }));
  assert.equal(m.text(), "none");
  await m.render(wrap(null));
  await act(settle);
  assert.deepEqual([m.text(), bus.subscriptions.length], ["…", 0]);
});

test("a server renders an empty list, and asks nothing", () => {
  const bus = cityBus();
  assert.equal(renderToString(<MessageBusProvider bus={bus}><Taxis /></MessageBusProvider>), "<p>?</p>");
  assert.deepEqual([bus.requests.length, bus.subscriptions.length, bus.status.state], [0, 0, "idle"]);
});
