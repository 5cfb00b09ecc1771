import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { StrictMode, act, useState, version, type ReactNode } from "react";
import { renderToString } from "react-dom/server";
import { TidingsError } from "../src/index.js";
import { MessageBusProvider, useBus, useBusStatus, useMessageBus } from "../src/react.js";
import { createFakeBus } from "../src/testing.js";
import type { Gap, Message, MessageBus } from "../src/types.js";
import { captured, handBus, servedBus } from "./helpers/bus.js";
import { settle } from "./helpers/clock.js";
import { mount, openPage } from "./helpers/dom.js";

declare const REACT: string;
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
const wire = (net: ReturnType<typeof servedBus>["net"]): string[] =>
  net.links.flatMap((l) => l.sent.map((f) => `${f.type} ${f.channel ?? ""}`.trim())).filter((t) => !t.startsWith("connect"));

/** Listens to a channel with whatever `on` is in this render. */
function Listener({ channel, on = () => {}, onGap, bus }: {
  channel: string | null;
  on?: (payload: unknown, channel: string) => void;
  onGap?: (gap: Gap) => void;
  bus?: MessageBus;
}) {
  useMessageBus(channel, on, { onGap, bus });
  return null;
}

test("this is the React that is meant", () => assert.equal(version.split(".")[0], REACT));

test("the same channel in 100 components is one subscription, and all are called", async () => {
  const { bus, net, server } = servedBus();
  let calls = 0;
  const on = (): void => void calls++;
  await show(
    <MessageBusProvider bus={bus}>
      {Array.from({ length: 100 }, (_, i) => <Listener key={i} channel="a" on={on} />)}
    </MessageBusProvider>,
  );
  await settle();
  server.publish("a", 1);
  assert.equal(calls, 100);
  assert.deepEqual(wire(net), ["subscribe a"]);
});

test("the third argument of the callback has what the publisher said beside the payload, and what a store says of a change", async () => {
  const bus = createFakeBus();
  const got: Message[] = [];
  function Documents() {
    useMessageBus("docs", (_payload, _channel, message) => void got.push(message), { bus });
    return null;
  }
  await show(<Documents />);
  const beside = { meta: { by: "desk" }, change: 41, txn: 40, changed: ["a", "b.c"], scope: "out" } as const;
  bus.message("docs", { a: 1 }, beside);
  bus.message("docs", { a: 2 });
  const [first, second] = got as [Message, Message];
  assert.deepEqual({ meta: first.meta, change: first.change, txn: first.txn, changed: first.changed, scope: first.scope }, beside);
  assert.deepEqual(["meta", "change", "txn", "changed", "scope"].filter((name) => name in second), []);
});

test("StrictMode's double mount sends one subscribe, and each message is heard once", async () => {
  const { bus, net, server } = servedBus();
  const got: unknown[] = [];
  const m = await show(<StrictMode><MessageBusProvider bus={bus}><Listener channel="a" on={(p) => got.push(p)} /></MessageBusProvider></StrictMode>);
  await settle();
  server.publish("a", 1);
  assert.deepEqual([got, wire(net), net.links.length], [[1], ["subscribe a"], 1]);
  await m.unmount();
  await settle();
  assert.deepEqual(wire(net), ["subscribe a", "unsubscribe a"]);
});

test("onSubscribed says from where on messages are heard, also to who joins later", async () => {
  const { bus, server } = servedBus();
  server.publish("a", 1);
  const at: string[] = [];
  const Fetcher = ({ name }: { name: string }) => {
    useMessageBus("a", () => {}, { bus, onSubscribed: (position) => at.push(`${name} ${position.offset}`) });
    return null;
  };
  const m = await show(<Fetcher key="1" name="first" />);
  await settle();
  await m.render([<Fetcher key="1" name="first again" />, <Fetcher key="2" name="second" />]);
  await settle();
  assert.deepEqual(at, ["first 1", "second 1"]);
});

test("a new callback takes over without a resubscribe", async () => {
  const { bus, net, server } = servedBus();
  const got: string[] = [];
  const m = await show(<Listener bus={bus} channel="a" on={(p) => got.push(`first ${p}`)} />);
  await settle();
  server.publish("a", 1);
  await m.render(<Listener bus={bus} channel="a" on={(p) => got.push(`second ${p}`)} />);
  server.publish("a", 2);
  assert.deepEqual([got, wire(net)], [["first 1", "second 2"], ["subscribe a"]]);
});

test("messages of one turn come one by one, each to the latest callback, none merged by React", async () => {
  const bus = createFakeBus();
  const got: unknown[] = [];
  function Counter() {
    const [n, setN] = useState(0);
    useMessageBus<number>("a", (p) => {
      got.push(p);
      setN((x) => x + 1);
    }, { bus });
    return <>{n}</>;
  }
  const m = await show(<Counter />);
  await act(async () => [1, 2, 3, 3].forEach((p) => void bus.message("a", p)));
  assert.deepEqual([got, m.text()], [[1, 2, 3, 3], "4"]);
});

test("a null channel listens to nothing, another channel moves over", async () => {
  const { bus, net, server } = servedBus();
  const got: unknown[] = [];
  const on = (p: unknown, c: string): void => void got.push([p, c]);
  const m = await show(<Listener bus={bus} channel={null} on={on} />);
  await settle();
  assert.equal(net.links.length, 0);
  for (const channel of ["a", "b", null]) {
    await m.render(<Listener bus={bus} channel={channel} on={on} />);
    await settle();
    server.publish("a", 1);
    server.publish("b", 2);
  }
  assert.deepEqual(got, [[1, "a"], [2, "b"]]);
  assert.deepEqual(wire(net), ["subscribe a", "subscribe b", "unsubscribe a", "unsubscribe b"]);
});

test("several channels: each is heard, and of another list only what differs is subscribed anew", async () => {
  const { bus, net, server } = servedBus();
  const got: string[] = [];
  const at: string[] = [];
  function Several({ channels }: { channels: readonly (string | null)[] }) {
    useMessageBus<number>(channels, (p, c) => got.push(`${c}${p}`), { bus, onSubscribed: (_, c) => at.push(c) });
    return null;
  }
  const m = await show(<StrictMode><Several channels={["a", "b", null, "a"]} /></StrictMode>);
  await settle();
  for (const c of ["a", "b", "c"]) server.publish(c, 1);
  await m.render(<StrictMode><Several channels={["a", "b"]} /></StrictMode>);
  await m.render(<StrictMode><Several channels={["c", "b"]} /></StrictMode>);
  await settle();
  for (const c of ["a", "b", "c"]) server.publish(c, 2);
  await m.render(<StrictMode><Several channels={[]} /></StrictMode>);
  await settle();
  assert.deepEqual(got, ["a1", "b1", "b2", "c2"]);
  const sent = wire(net);
  assert.deepEqual(sent.slice(0, 2), ["subscribe a", "subscribe b"]);
  assert.deepEqual(sent.slice(2, 4).sort(), ["subscribe c", "unsubscribe a"]);
  assert.deepEqual(sent.slice(4).sort(), ["unsubscribe b", "unsubscribe c"]);
  assert.deepEqual(at, ["a", "b", "c"]);
});

test("several channels: a gap names its channel, a refusal its own", async () => {
  const bus = createFakeBus();
  const got: string[] = [];
  function Several() {
    useMessageBus(["a", "b"], () => {}, { bus, onGap: (gap) => got.push(`gap ${gap.channel}`), onError: (_, c) => got.push(`error ${c}`) });
    return null;
  }
  await show(<Several />);
  bus.gap("b");
  bus.subscriptions[0]?.options.onError?.(new TidingsError({ code: "forbidden", message: "no" }));
  assert.deepEqual(got, ["gap b", "error a"]);
});

test("another bus moves over", async () => {
  const [one, two] = [createFakeBus(), createFakeBus()];
  const m = await show(<Listener bus={one} channel="a" />);
  await m.render(<Listener bus={two} channel="a" />);
  assert.deepEqual([one.subscriptions.length, two.subscriptions.length], [0, 1]);
});

test("unmounted while it connects: nothing is subscribed in the end", async () => {
  const { bus, net } = handBus();
  const m = await show(<Listener bus={bus} channel="a" />);
  await m.unmount();
  await settle();
  net.last.accept();
  await settle();
  assert.deepEqual(wire(net), []);
});

test("a callback that throws breaks neither the others nor the tree", async () => {
  const { bus, server } = servedBus();
  const got: unknown[] = [];
  const boom = (): void => {
    throw new Error("boom");
  };
  const m = await show(<><Listener bus={bus} channel="a" on={boom} /><Listener bus={bus} channel="a" on={(p) => got.push(p)} />text</>);
  await settle();
  const { error } = await captured(() => server.publish("a", 1));
  assert.deepEqual([got, m.text(), error.length], [[1], "text", 1]);
});

test("a gap goes to the latest onGap; without one to the bus's", async () => {
  const gaps: string[] = [];
  const { bus, net } = handBus({ onGap: () => gaps.push("bus") });
  const m = await show(<Listener bus={bus} channel="a" onGap={() => gaps.push("first")} />);
  await settle();
  net.last.accept();
  net.last.receive({ type: "subscribed", id: 1, channel: "a", epoch: "e", offset: 0, tag: "", recovered: false });
  const gap = (): void => net.last.receive({ type: "gap", channel: "a", reason: "feed_lost", from: { epoch: "e", offset: 9, tag: "t" } });
  gap();
  await m.render(<Listener bus={bus} channel="a" onGap={() => gaps.push("second")} />);
  gap();
  await m.render(<Listener bus={bus} channel="a" />);
  gap();
  assert.deepEqual(gaps, ["first", "second", "bus"]);
  assert.deepEqual(wire(net), ["subscribe a"]);
});

test("a bad channel name does not break the tree", async () => {
  const { bus } = servedBus();
  const { error } = await captured(async () => {
    const m = await show(<><Listener bus={bus} channel="a//b" />text</>);
    assert.equal(m.text(), "text");
  });
  assert.match(String(error[0]?.[0]), /a\/\/b/);
});

test("the older form, with a bus as context or anything else", async () => {
  const [near, given] = [createFakeBus(), createFakeBus()];
  const got: unknown[] = [];
  function Old({ context }: { context: unknown }) {
    useMessageBus<string>(context, "a", (payload, channel) => {
      got.push([payload, channel]);
      return "updated";
    });
    return null;
  }
  await show(<MessageBusProvider bus={near}><Old context={{ executeAction() {} }} /><Old context={given} /><Old context={undefined} /></MessageBusProvider>);
  assert.deepEqual([near.subscriptions.length, given.subscriptions.length], [2, 1]);
  given.message("a", "text");
  assert.deepEqual(got, [["text", "a"]]);
});

test("status renders, and its changes render again", async () => {
  const bus = createFakeBus();
  function Status() {
    const { state, transport } = useBusStatus();
    return <>{state} {transport}</>;
  }
  const m = await show(<MessageBusProvider bus={bus}><Status /></MessageBusProvider>);
  assert.equal(m.text(), "idle ");
  await act(async () => bus.setStatus({ state: "connected", transport: "sse" }));
  assert.equal(m.text(), "connected sse");
});

test("a provider with options makes one bus, keeps it over renders, and closes it at the end", async () => {
  const buses = new Set<MessageBus>();
  function Probe() {
    buses.add(useBus());
    return null;
  }
  const tree = (url: string, tabs?: string): ReactNode => <StrictMode><MessageBusProvider url={url} tabs={tabs} transports={["sse"]} fetch={() => new Promise(() => {})}><Probe /><Listener channel="a" /></MessageBusProvider></StrictMode>;
  const m = await show(tree("/one"));
  const [first] = [...buses].slice(-1) as [MessageBus];
  assert.equal(first.status.state, "connecting");
  buses.clear();
  await m.render(tree("/one"));
  assert.deepEqual([...buses], [first], "the same bus");
  buses.clear();
  await m.render(tree("/two"));
  const [second] = [...buses].slice(-1) as [MessageBus];
  assert.notEqual(second, first);
  assert.deepEqual([first.status.state, second.status.state], ["closed", "connecting"]);
  buses.clear();
  await m.render(tree("/two", "another user"));
  const [third] = [...buses].slice(-1) as [MessageBus];
  assert.deepEqual([second.status.state, third.status.state], ["closed", "connecting"]);
  await m.unmount();
  assert.equal(third.status.state, "closed");
});

test("a bus that was given is not closed", async () => {
  const bus = createFakeBus();
  const m = await show(<MessageBusProvider bus={bus}><Listener channel="a" /></MessageBusProvider>);
  await m.unmount();
  assert.deepEqual([bus.status.state, bus.subscriptions.length], ["connected", 0]);
});

test("without a provider all share the page's bus", async () => {
  const buses = new Set<MessageBus>();
  function Probe() {
    buses.add(useBus());
    return null;
  }
  await show(<><Probe /><Probe /></>);
  assert.equal(buses.size, 1);
});

test("on a server it renders, and opens nothing", async () => {
  const { bus, net } = handBus();
  function Page() {
    useMessageBus("a", () => {});
    return <p>{useBusStatus().state}</p>;
  }
  const { error } = await captured(async () => {
    assert.equal(renderToString(<MessageBusProvider bus={bus}><Page /></MessageBusProvider>), "<p>idle</p>");
    assert.equal(renderToString(<Page />), "<p>idle</p>");
    await settle();
  });
  assert.deepEqual([net.links.length, bus.status.state, error], [0, "idle", []]);
});

test("a filter made anew at each render is the same; one that reads otherwise resubscribes", async () => {
  const { bus, net, server } = servedBus();
  const heard: unknown[] = [];
  let move: (city: string) => void = () => {};
  let again = (): void => {};
  function City() {
    const [city, setCity] = useState("Bern");
    const [, setCount] = useState(0);
    [move, again] = [setCity, () => setCount((n) => n + 1)];
    useMessageBus<{ n: number }>("a", ({ n }) => heard.push(n), { bus, filter: { equals: { city } } });
    return null;
  }
  await show(<City />);
  await settle();
  await act(async () => again());
  server.publish("a", { n: 1, city: "Bern" });
  await settle();
  assert.deepEqual(wire(net), ["subscribe a"]);
  await act(async () => move("Basel"));
  await settle();
  server.publish("a", { n: 2, city: "Bern" });
  server.publish("a", { n: 3, city: "Basel" });
  await settle();
  assert.deepEqual(heard, [1, 3]);
  assert.deepEqual(wire(net), ["subscribe a", "subscribe a", "unsubscribe a"]);
});
