import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { StrictMode, Suspense, act, useState, type ReactNode } from "react";
import { renderToString } from "react-dom/server";
import { MessageBusProvider, useEffectWithPolling, useBusQuery, useMessageBus, type UseBusQueryOptions } from "../src/react.js";
import { createFakeBus } from "../src/testing.js";
import { captured, servedBus } from "./helpers/bus.js";
import { FakeClock, settle } from "./helpers/clock.js";
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
  return m;
};

/** A backend with one number per name, and a component that shows one of them. */
function building(options: Partial<UseBusQueryOptions<string>> = {}) {
  const bus = createFakeBus();
  const clock = new FakeClock();
  const numbers: Record<string, number> = { north: 1, south: 7 };
  const asked: string[] = [];
  const rendered: string[] = [];
  function Visitors({ name, label = "" }: { name: string | null; label?: string }) {
    const { data, error, refetch } = useBusQuery<string>({
      channel: name && `visitors/${name}`,
      clock,
      random: () => 0.5,
      async fetch() {
        asked.push(`${name}${label}`);
        return `${name}${label}=${numbers[name as string]}`;
      },
      ...options,
    });
    const text = error ? String(error) : data ?? "…";
    rendered.push(text);
    return <button onClick={refetch}>{text}</button>;
  }
  const tree = (name: string | null, label?: string): ReactNode => <MessageBusProvider bus={bus}><Visitors name={name} label={label} /></MessageBusProvider>;
  const hint = (name: string) => act(async () => void bus.message(`visitors/${name}`, null));
  return { bus, clock, numbers, asked, rendered, tree, hint };
}

test("shows the answer, and the next one after a hint", async () => {
  const { numbers, asked, tree, hint, clock } = building();
  const m = await show(tree("north"));
  assert.deepEqual([m.text(), asked], ["north=1", ["north"]]);
  numbers.north = 2;
  await clock.advance(5_000);
  await hint("north");
  assert.deepEqual([m.text(), asked.length], ["north=2", 2]);
});

test("another channel is another query: its first render shows no data of the old one", async () => {
  const { asked, tree, bus, rendered } = building();
  const m = await show(tree("north"));
  rendered.length = 0;
  await m.render(tree("south"));
  assert.deepEqual([asked, [...new Set(rendered)], bus.subscriptions.map((s) => s.channel)], [["north", "south"], ["…", "south=7"], ["visitors/south"]]);
  await m.render(tree(null));
  assert.deepEqual([m.text(), bus.subscriptions.length], ["…", 0]);
});

test("the fetch of the newest render is the one that is called; a render alone fetches nothing", async () => {
  const { asked, tree, hint, clock } = building();
  const m = await show(tree("north"));
  await m.render(tree("north", "!"));
  await m.render(tree("north", "?"));
  assert.deepEqual(asked, ["north"]);
  await clock.advance(5_000);
  await hint("north");
  assert.deepEqual([asked, m.text()], [["north", "north?"], "north?=1"]);
});

test("another key begins anew, another interval does not", async () => {
  const { bus, clock } = building();
  let asked = 0;
  function Query({ floor, interval }: { floor: number; interval: number }) {
    const { data } = useBusQuery({ channel: "a", key: floor, interval, clock, bus, fetch: async () => `${floor}: ${++asked}` });
    return <>{data}</>;
  }
  const m = await show(<Query floor={1} interval={60_000} />);
  await m.render(<Query floor={1} interval={10_000} />);
  assert.equal(m.text(), "1: 1");
  await act(() => clock.advance(60_000));
  await act(() => clock.advance(10_000));
  assert.equal(m.text(), "1: 3");
  await m.render(<Query floor={2} interval={10_000} />);
  assert.equal(m.text(), "2: 4");
});

test("StrictMode: one subscription, one fetch", async () => {
  const { bus, net, clock } = servedBus();
  let asked = 0;
  function Query() {
    return <>{useBusQuery({ channel: "a", clock, bus, fetch: async () => ++asked }).data}</>;
  }
  function Polling() {
    useEffectWithPolling(bus, "b", 60_000, async () => void asked++);
    return null;
  }
  bus.subscribe("a", () => {});
  bus.subscribe("b", () => {});
  await settle();
  const m = await show(<StrictMode><Query /></StrictMode>);
  assert.deepEqual([m.text(), asked], ["1", 1]);
  await show(<StrictMode><Polling /></StrictMode>);
  assert.equal(asked, 2);
  assert.deepEqual(net.links.flatMap((l) => l.sent).filter((f) => f.type.endsWith("subscribe")).map((f) => f.channel), ["a", "b"]);
});

test("an error is shown, kept data stays, refetch heals", async () => {
  let broken = true;
  const { tree, bus } = building({ fetch: async () => {
    if (broken) throw new Error("503");
    return "well";
  } });
  const m = await show(tree("north"));
  assert.equal(m.text(), "Error: 503");
  broken = false;
  await act(async () => m.container.querySelector("button")?.click());
  assert.deepEqual([m.text(), bus.subscriptions.length], ["well", 1]);
});

test("gone: it is unsubscribed, its fetch aborted, and nothing is rendered", async () => {
  const signals: AbortSignal[] = [];
  const { tree, bus, clock } = building({ fetch: ({ signal }) => (signals.push(signal), new Promise(() => {})) });
  const m = await show(tree("north"));
  await m.unmount();
  await settle();
  assert.deepEqual([signals.map((s) => s.aborted), bus.subscriptions.length, clock.pending], [[true], 0, 0]);
});

test("on a server it renders without data, and asks nobody", () => {
  const { tree, asked, bus } = building();
  assert.equal(renderToString(tree("north")), "<button>…</button>");
  assert.deepEqual([asked, bus.subscriptions.length], [[], 0]);
});

test("Suspense: nothing is subscribed before the tree is shown; one that is hidden again goes on hearing", async () => {
  const { bus, clock } = building();
  const got: unknown[] = [];
  let asked = 0;
  let release = (): void => {};
  let until: Promise<void> | undefined;
  const suspend = (): void => void (until = new Promise((resolve) => (release = () => ((until = undefined), resolve()))));
  function Slow() {
    if (until) throw until; // what React.use and lazy do below
    return <>shown</>;
  }
  function Listener() {
    useMessageBus("a", (p) => got.push(p), { bus });
    const { data } = useBusQuery({ channel: "b", bus, clock, fetch: async () => ++asked });
    return <>{data}</>;
  }
  let again = (): void => {};
  function Page() {
    const [, set] = useState(0);
    again = () => set((n) => n + 1);
    return <Suspense fallback="waiting"><Listener /> <Slow /></Suspense>;
  }
  suspend();
  const m = await show(<Page />);
  assert.deepEqual([m.text(), bus.subscriptions.length, asked], ["waiting", 0, 0]);
  await act(async () => release());
  assert.deepEqual([m.text(), bus.subscriptions.length], ["1 shown", 2]);
  suspend();
  await act(async () => again());
  assert.match(m.text() ?? "", /waiting$/);
  bus.message("a", "while hidden");
  await act(async () => release());
  assert.deepEqual([got, bus.subscriptions.length, asked], [["while hidden"], 2, 1]);
});

test("useEffectWithPolling runs on mount, on a message, at the interval, and when deps change", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  const bus = createFakeBus();
  const runs: string[] = [];
  const signals: AbortSignal[] = [];
  function Polling({ user, label = "" }: { user: string; label?: string }) {
    useEffectWithPolling("a", 10_000, async ({ signal }) => {
      signals.push(signal);
      runs.push(user + label);
    }, [user]);
    return null;
  }
  const tree = (user: string, label?: string): ReactNode => <MessageBusProvider bus={bus}><Polling user={user} label={label} /></MessageBusProvider>;
  const pass = (ms: number) => act(async () => t.mock.timers.tick(ms));
  const m = await show(tree("u1"));
  assert.deepEqual(runs, ["u1"]);
  await m.render(tree("u1", "'"));
  assert.deepEqual(runs, ["u1"], "a render alone runs nothing");
  await pass(2_000);
  await act(async () => void bus.message("a", null));
  assert.deepEqual(runs, ["u1", "u1'"]);
  await pass(10_000);
  assert.equal(runs.length, 3);
  await m.render(tree("u2"));
  assert.deepEqual(runs, ["u1", "u1'", "u1'", "u2"]);
  await m.unmount();
  await pass(60_000);
  assert.deepEqual([runs.length, bus.subscriptions.length], [4, 0]);
});

test("useEffectWithPolling: the older form, deps that change in the middle of a run, and a run that fails", async () => {
  const bus = createFakeBus();
  const signals: AbortSignal[] = [];
  function Polling({ user, broken }: { user: string; broken?: boolean }) {
    useEffectWithPolling({ executeAction() {} }, "a", 10_000, ({ signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      return broken ? Promise.reject(new Error("no backend")) : new Promise(() => {});
    }, [user]);
    return null;
  }
  const m = await show(<MessageBusProvider bus={bus}><Polling user="u1" /></MessageBusProvider>);
  await m.render(<MessageBusProvider bus={bus}><Polling user="u2" /></MessageBusProvider>);
  assert.deepEqual(signals.map((s) => s.aborted), [true, false]);
  const { error } = await captured(() => m.render(<MessageBusProvider bus={bus}><Polling user="u3" broken /></MessageBusProvider>));
  assert.match(String(error), /no backend/);
  assert.equal(error.length, 1);
});
