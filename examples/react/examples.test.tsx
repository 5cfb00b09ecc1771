// What docs/react.md says, shown: of the examples beside this file, and of StrictMode, servers and bursts.
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { StrictMode, act, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { MessageBusProvider } from "tidings/react";
import { createFakeBus } from "tidings/testing";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { SWRConfig } from "swr";
import { App, Lamp } from "./App";
import { Arrivals } from "./Arrivals";
import { OpenOrders as OrdersByQuery } from "./Query";
import { OpenOrders as OrdersBySWR } from "./Swr";
import { FreeTaxis as TaxisByQuery } from "./QueryTaxis";
import { Room } from "./Room";
import { FreeTaxis, MyTaxi } from "./Taxis";
import { Orders } from "./Orders";
import { Visitors } from "./Visitors";

const channel = "visitors/north";
let requests = 0;
let answers: (() => void)[] = [];
let visitors: string[] = [];
let open = 1;

beforeEach(() => {
  requests = 0;
  answers = [];
  visitors = ["Ada"];
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_000_000 });
  // Answers with what there is when it is asked, once `answer` is called.
  globalThis.fetch = ((url: string) => {
    assert.ok(url === "/api/buildings/north/visitors" || url === "/api/orders/open", url);
    requests++;
    const now = url.endsWith("orders/open") ? open : [...visitors];
    return new Promise((resolve) => answers.push(() => resolve({ ok: true, json: async () => now })));
  }) as unknown as typeof fetch;
});

const answer = () => act(async () => answers.splice(0).forEach((a) => a()));
const pass = (seconds: number) => act(async () => mock.timers.tick(seconds * 1000));

async function show(node: ReactNode) {
  const place = document.body.appendChild(document.createElement("div"));
  const root = createRoot(place);
  await act(async () => root.render(node));
  return { place, end: () => act(async () => root.unmount()) };
}

async function showVisitors(wrap = (node: ReactNode) => node) {
  const bus = createFakeBus();
  const page = await show(wrap(<MessageBusProvider bus={bus}><Visitors building="north" /></MessageBusProvider>));
  while (answers.length) await answer();
  return { bus, ...page };
}

test("a room shows who is there", async () => {
  const bus = createFakeBus();
  const { place, end } = await show(<MessageBusProvider bus={bus}><Room name="a" /></MessageBusProvider>);
  await act(async () => bus.presence("room/a", [{ user: "bob" }, { connection: "x" }]));
  assert.equal(place.textContent, "2 here: a guest, bob");
  await act(async () => bus.frame({ type: "presence", channel: "room/a", count: 1001 }));
  assert.equal(place.textContent, "1001 here");
  await end();
});

test("orders of one city are counted, and those of others are not heard", async () => {
  const bus = createFakeBus({ matches: (filter, data) => (filter as { equals: { city: string } }).equals.city === (data as { city: string }).city });
  const { place, end } = await show(<MessageBusProvider bus={bus}><Orders city="Oslo" /></MessageBusProvider>);
  await act(async () => ["Oslo", "Lima", "Oslo"].forEach((city) => bus.message("orders", { city })));
  assert.equal(place.textContent, "2 orders in Oslo");
  await end();
});

const free = (filter: object, data: unknown) => JSON.stringify(filter) === "{}" || (data as { free: boolean }).free;
const lists: [string, () => ReactNode, string[]][] = [
  ["a live list", () => <><FreeTaxis seats={4} /><MyTaxi id="t1" /></>, ["Ann HailCem HailAnn", "Ann HailBo HailCem HailAnn", "Bo HailCem HailAnn", "Bo HailCem Hailit is gone"]],
  ["a live list in TanStack Query", () => <QueryClientProvider client={new QueryClient()}><TaxisByQuery /></QueryClientProvider>, ["t1t3", "t1t2t3", "t2t3", "t2t3"]],
];
for (const [name, list, shown] of lists) {
  test(`${name} follows its collection, and a click writes`, async () => {
    const bus = createFakeBus({ matches: free });
    bus.documents("city/taxis", { t1: { driver: "Ann", seats: 4, free: true }, t2: { driver: "Bo", seats: 6, free: false }, t3: { driver: "Cem", seats: 4, free: true } });
    const { place, end } = await show(<MessageBusProvider bus={bus}>{list()}</MessageBusProvider>);
    const shows = async (text: string) => {
      await pass(0); // TanStack Query tells its observers a moment later
      assert.equal(place.textContent, text);
    };
    await shows(shown[0] as string);
    await act(async () => bus.documents("city/taxis", { t2: { driver: "Bo", seats: 6, free: true } }));
    await shows(shown[1] as string);
    await act(async () => place.querySelector("button")?.click());
    await shows(shown[2] as string);
    await act(async () => bus.documents("city/taxis", { t1: null }));
    await shows(shown[3] as string);
    assert.equal(bus.requests.filter(({ data }) => (data as { action: string }).action === "patch").length, 1);
    await end();
    assert.equal(bus.subscriptions.length, 0);
  });
}

test("a message fetches at once", async () => {
  const { bus, place, end } = await showVisitors();
  assert.equal(place.textContent, "Ada");
  await pass(5);
  visitors = ["Ada", "Grace"];
  await act(async () => void bus.message(channel, null));
  await answer();
  assert.equal(place.textContent, "AdaGrace");
  await end();
});

test("so does a gap", async () => {
  const { bus, place, end } = await showVisitors();
  await pass(5);
  visitors = ["Grace"];
  await act(async () => bus.gap(channel));
  await answer();
  assert.equal(place.textContent, "Grace");
  await end();
});

test("without messages it polls once a minute; without a connection every five seconds", async () => {
  const { bus, end } = await showVisitors();
  requests = 0;
  await pass(59);
  assert.equal(requests, 0);
  await pass(1);
  assert.equal(requests, 1);
  await answer();
  await act(async () => bus.setStatus({ state: "waiting", transport: null }));
  for (let i = 0; i < 20; i++) {
    await pass(1);
    await answer();
  }
  assert.ok(requests >= 4 && requests <= 5, `${requests} requests in 20 s`);
  await end();
  requests = 0;
  await pass(600);
  assert.equal(requests, 0);
});

test("a burst of messages costs two requests, and the last one tells all", async () => {
  const { bus, place, end } = await showVisitors();
  await pass(5);
  requests = 0;
  for (let i = 0; i < 100; i++) {
    visitors = [`visitor ${i}`];
    await act(async () => void bus.message(channel, null));
  }
  await answer();
  await pass(1);
  await answer();
  await pass(5);
  assert.equal(requests, 2);
  assert.equal(place.textContent, "visitor 99");
  await end();
});

test("StrictMode leaves one subscription", async () => {
  const { bus, end } = await showVisitors((node) => <StrictMode>{node}</StrictMode>);
  assert.equal(bus.subscriptions.length, 1);
  await end();
  assert.equal(bus.subscriptions.length, 0);
});

test("a user that is not known yet subscribes to nothing", async () => {
  const bus = createFakeBus();
  const { end } = await show(<MessageBusProvider bus={bus}><Arrivals user={null} /></MessageBusProvider>);
  assert.equal(bus.subscriptions.length, 0);
  await end();
});

const libraries: [string, (node: ReactNode) => ReactNode, () => ReactNode][] = [
  ["TanStack Query", (node) => <QueryClientProvider client={new QueryClient()}>{node}</QueryClientProvider>, () => <OrdersByQuery />],
  ["SWR", (node) => <SWRConfig value={{ provider: () => new Map() }}>{node}</SWRConfig>, () => <OrdersBySWR />],
];
for (const [name, wrap, orders] of libraries) {
  test(`${name}: a message, a gap and the safety net fetch; one in the middle of a fetch is followed by another`, async () => {
    open = 1;
    const bus = createFakeBus();
    const { place, end } = await show(<MessageBusProvider bus={bus}>{wrap(<>{orders()}{orders()}</>)}</MessageBusProvider>);
    const settled = async () => {
      for (let i = 0; i < 3; i++) await pass(0), await answer();
    };
    await settled();
    await pass(10);
    assert.equal(place.textContent, "1 open orders1 open orders");
    for (const news of [() => void bus.message("orders", null), () => bus.gap("orders")]) {
      open++;
      await act(async () => news());
      await settled();
      assert.equal(place.textContent, `${open} open orders`.repeat(2));
      await pass(10);
    }
    open = 7;
    await act(async () => void bus.message("orders", null));
    await pass(0); // the fetch has begun, with 7
    open = 8;
    await act(async () => void bus.message("orders", null));
    await settled();
    assert.equal(place.textContent, "8 open orders".repeat(2));
    await pass(3);
    requests = 0;
    for (let second = 0; second < 180; second++) {
      await pass(1);
      await answer();
    }
    assert.ok(requests >= 2 && requests <= 4, `${requests} requests in 3 minutes`);
    await end();
  });
}

test("the lamp tells how the bus stands", async () => {
  const bus = createFakeBus();
  const { place, end } = await show(<MessageBusProvider bus={bus}><Lamp /></MessageBusProvider>);
  assert.equal(place.textContent, "connecting…");
  await act(async () => bus.setStatus({ state: "connected", transport: "sse" }));
  assert.equal(place.textContent, "live");
  await act(async () => bus.close());
  assert.match(place.textContent ?? "", /No live updates/);
  await end();
});

test("a server renders it and connects to nothing", () => {
  assert.match(renderToString(<App />), /connecting…/);
  assert.equal(requests, 0);
});
