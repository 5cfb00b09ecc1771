import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { StrictMode, act } from "react";
import { MessageBusProvider } from "../src/react.js";
import { useJoined, useServerEvent } from "../src/react-joined.js";
import { pageConnectionId } from "../src/joined.js";
import { createFakeBus } from "../src/testing.js";
import { mount, openPage } from "./helpers/dom.js";

let closePage: () => Promise<void>;
before(async () => void (closePage = await openPage()));
after(() => closePage());

const heard: unknown[] = [];
function Bell({ name }: { name: string }) {
  useJoined<number>((n, channel) => heard.push(`${name} ${channel} ${n}`), { onGap: ({ channel }) => heard.push(`${name} gap ${channel}`) });
  useServerEvent("alarm", (data) => heard.push(`${name} alarm ${data}`));
  return null;
}

test("useJoined and useServerEvent hear while they are mounted, by the newest callback", async () => {
  const bus = createFakeBus();
  const tree = (name: string) => <StrictMode><MessageBusProvider bus={bus}><Bell name={name} /></MessageBusProvider></StrictMode>;
  const m = await mount(tree("one"));
  const by = { type: "subscribed", by: "server", channel: "user/ann", epoch: "fake", offset: 0, tag: "", recovered: false } as const;
  await act(async () => bus.frame(by));
  await act(async () => bus.frame(by));
  assert.deepEqual(bus.subscriptions.map((s) => [s.channel, s.options.since?.offset]), [["user/ann", 0]]);
  bus.message("user/ann", 1);
  await m.render(tree("two"));
  bus.message("user/ann", 2);
  bus.gap("user/ann");
  bus.frame({ type: "event", event: "alarm", data: "fire" });
  bus.frame({ type: "event", event: "tea", data: null });
  await m.unmount();
  bus.message("user/ann", 3);
  bus.frame({ type: "event", event: "alarm", data: "late" });
  assert.deepEqual(heard, ["one user/ann 1", "two user/ann 2", "two gap user/ann", "two alarm fire"]);
  assert.equal(bus.subscriptions.length, 0);
});

test("the page's signed connection id", () => {
  assert.equal(pageConnectionId(), undefined);
  document.head.innerHTML = '<meta name="tidings-connection-id" content="C~K~S">';
  assert.equal(pageConnectionId(), "C~K~S");
  document.head.innerHTML = "";
});
