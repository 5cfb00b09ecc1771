// What the server sends without being asked: channels that it puts a client in, and events.
import assert from "node:assert/strict";
import { test } from "node:test";
import { onEvent, onJoined, pageConnectionId } from "../src/joined.js";
import type { Message, MessageBus } from "../src/types.js";
import { handBus, servedBus } from "./helpers/bus.js";
import { settle } from "./helpers/clock.js";
import { world } from "./helpers/tabs.js";

function joined(bus: MessageBus) {
  const heard: string[] = [];
  const leave = onJoined(bus, (n, channel, m: Message) => void heard.push(`${channel} ${n} ${m.offset}`), { onGap: ({ channel, reason }) => void heard.push(`${channel} ${reason}`) });
  return { heard, leave };
}

test("every message of every channel that the server puts the client in, from that moment on, also over a new session", async () => {
  const { bus, server, clock } = servedBus();
  const { heard } = joined(bus);
  bus.subscribe("own", () => {});
  server.publish("user/ann", "before");
  await settle();
  server.put("user/ann");
  server.publish("user/ann", 1); // before the client's own subscribe is there
  server.put("role/admin");
  await settle();
  server.publish("role/admin", 2);
  await settle();
  bus.debug.hold();
  server.forget();
  server.publish("user/ann", 3);
  bus.debug.release();
  await clock.advance(1_000);
  server.publish("user/ann", 4);
  await settle();
  assert.deepEqual(heard, ["user/ann 1 2", "role/admin 2 1", "user/ann 3 3", "user/ann 4 4"]);
});

test("two listeners are one subscription; one that comes later hears from then on; one that leaves hears nothing, and may come back", async () => {
  const { bus, server, net } = servedBus();
  const one = joined(bus);
  bus.subscribe("own", () => {});
  await settle();
  server.put("a");
  await settle();
  server.publish("a", 1);
  await settle();
  const two = joined(bus);
  await settle();
  server.publish("a", 2);
  await settle();
  assert.deepEqual([one.heard.splice(0), two.heard.splice(0)], [["a 1 1", "a 2 2"], ["a 2 2"]]);
  assert.equal(net.last.sent.filter((f) => f.type === "subscribe" && f.channel === "a").length, 1);
  one.leave();
  two.leave();
  await settle();
  server.publish("a", 3);
  await settle();
  const again = joined(bus);
  await settle();
  server.publish("a", 4);
  await settle();
  assert.deepEqual([one.heard, two.heard, again.heard], [[], [], ["a 4 4"]]);
});

test("whoever comes when the server has long put the client in a channel hears from then on; of a channel that was taken away nothing", async () => {
  const { bus, server, net } = servedBus();
  bus.subscribe("own", () => {});
  await settle();
  server.put("a");
  server.put("b");
  server.publish("a", 1);
  await settle();
  server.say({ type: "unsubscribed", channel: "b", code: "removed", message: "", hint: "" });
  await settle();
  const { heard } = joined(bus);
  await settle();
  server.publish("a", 2);
  await settle();
  assert.deepEqual([heard, net.last.sent.filter((f) => f.type === "subscribe").map((f) => [f.channel, f.since])], [["a 2 2"], [["own", undefined], ["a", undefined]]]);
});

test("a channel that is taken away is heard no more, and heard again when it is given again", async () => {
  const { bus, net } = handBus();
  const { heard } = joined(bus);
  bus.subscribe("own", () => {});
  await settle();
  const link = net.last;
  link.accept();
  const at = (offset: number) => ({ epoch: "e", offset, tag: offset ? `t${offset}` : "" });
  for (const offset of [3, 8]) {
    link.flush();
    link.receive({ type: "subscribed", by: "server", channel: "a", ...at(offset), recovered: false });
    const [{ id, since }] = link.flush().filter((f) => f.type === "subscribe") as unknown as [{ id: number; since: object }];
    assert.deepEqual(since, at(offset));
    link.receive({ type: "subscribed", id, channel: "a", ...at(offset), recovered: true }, { type: "message", channel: "a", id: `m${offset + 1}`, time: 0, data: "x", ...at(offset + 1) });
    link.receive({ type: "unsubscribed", channel: "a", code: "forbidden", message: "", hint: "" });
  }
  assert.deepEqual(heard, ["a x 4", "a x 9"]);
});

test("tabs that share hear it all; one that comes later from then on", async () => {
  const w = world();
  const tabs = [w.open(), w.open()];
  const logs = tabs.map((tab) => joined(tab.bus));
  for (const tab of tabs) tab.bus.subscribe("own", () => {});
  await w.clock.advance(1_000);
  w.server.put("user/ann");
  w.server.publish("user/ann", 1);
  await w.clock.advance(100);
  const late = w.open();
  logs.push(joined(late.bus));
  late.bus.subscribe("own", () => {});
  await w.clock.advance(1_000);
  w.server.publish("user/ann", 2);
  await settle();
  tabs[0]!.close();
  w.server.publish("user/ann", 3);
  await w.clock.advance(5_000);
  assert.deepEqual(logs.slice(1).map((l) => l.heard), [["user/ann 1 1", "user/ann 2 2", "user/ann 3 3"], ["user/ann 2 2", "user/ann 3 3"]]);
  assert.equal(w.live(), 1);
});

test("events by their name, or of any", async () => {
  const { bus, net } = handBus();
  const all: unknown[] = [];
  const some: unknown[] = [];
  onEvent(bus, null, (data, event) => void all.push([event, data]));
  const stop = onEvent<number>(bus, "alarm", (n) => void some.push(n + 1));
  bus.subscribe("own", () => {});
  await settle();
  net.last.accept();
  net.last.receive({ type: "event", event: "alarm", data: 1 }, { type: "event", event: "tea", data: null });
  stop();
  net.last.receive({ type: "event", event: "alarm", data: 2 });
  assert.deepEqual([all, some], [[["alarm", 1], ["tea", null], ["alarm", 2]], [2]]);
});

test("a signed connection id goes with each connect, and its page shares no connection", async () => {
  const { bus, net, clock } = handBus({ connectionId: "C~K~S" });
  bus.subscribe("own", () => {});
  await settle();
  assert.equal(net.last.sent[0]?.connectionId, "C~K~S");
  net.last.accept();
  bus.debug.cut();
  await clock.advance(1_000);
  assert.deepEqual([net.last.sent[0]?.connectionId, bus.status.tab], ["C~K~S", undefined]);
  assert.equal(pageConnectionId(), undefined, "where there is no page");
});
