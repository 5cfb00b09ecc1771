import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { StrictMode, act, type ReactNode } from "react";
import { renderToString } from "react-dom/server";
import { MessageBusProvider, usePresence } from "../src/react.js";
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
  return m;
};
const seen: string[] = [];
function Who({ channel }: { channel: string | null }) {
  const { members, count, known, error } = usePresence(channel);
  const text = `${members.map((m) => m.user).join("+")} of ${count}${known ? "" : "?"}${error ? ` ${error.code}` : ""}`;
  if (seen.at(-1) !== text) seen.push(text);
  return <p>{text}</p>;
}
const told = (): string[] => seen.splice(0);

test("usePresence shows who is there, and renders when that changes", async () => {
  const bus = createFakeBus();
  bus.presence("room", [{ user: "bob" }, { user: "ann" }]);
  const m = await show(<StrictMode><MessageBusProvider bus={bus}><Who channel="room" /></MessageBusProvider></StrictMode>);
  await act(settle);
  assert.deepEqual(told(), [" of 0?", "ann+bob of 2"]);
  assert.equal(bus.subscriptions.length, 1);
  await act(async () => bus.frame({ type: "left", channel: "room", members: [{ user: "ann" }], count: 1 }));
  await act(async () => bus.frame({ type: "left", channel: "elsewhere", members: [{ user: "bob" }], count: 0 }));
  assert.deepEqual(told(), ["bob of 1"]);
  bus.presence("hall", [{ user: "zoe" }]);
  await m.render(<StrictMode><MessageBusProvider bus={bus}><Who channel="hall" /></MessageBusProvider></StrictMode>);
  await act(settle);
  assert.deepEqual(told(), [" of 0?", "zoe of 1"]);
  assert.deepEqual(bus.subscriptions.map((s) => s.channel), ["hall"]);
  await m.render(<StrictMode><MessageBusProvider bus={bus}><Who channel={null} /></MessageBusProvider></StrictMode>);
  await act(settle);
  assert.deepEqual([told(), bus.subscriptions.length], [[" of 0?"], 0]);
});

test("two components that watch one channel share it", async () => {
  const bus = createFakeBus();
  await show(<MessageBusProvider bus={bus}><Who channel="room" /><Who channel="room" /></MessageBusProvider>);
  await act(settle);
  assert.equal(bus.requests.filter((f) => f.type === "presence").length, 1);
  told();
});

test("usePresence says why it cannot tell", async () => {
  const bus = createFakeBus();
  bus.failWith(Object.assign(new Error("no"), { code: "forbidden", retry: false }));
  await show(<MessageBusProvider bus={bus}><Who channel="room" /></MessageBusProvider>);
  await act(settle);
  assert.equal(told().at(-1), " of 0? forbidden");
});

test("on a server there is nobody, and nothing is opened", () => {
  const bus = createFakeBus();
  assert.equal(renderToString(<MessageBusProvider bus={bus}><Who channel="room" /></MessageBusProvider>), "<p> of 0?</p>");
  assert.equal(bus.subscriptions.length, 0);
  told();
});
