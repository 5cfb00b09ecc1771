import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeBus } from "../src/testing.js";

test("delivers by hand, with positions, and records", async () => {
  const bus = createFakeBus();
  const got: unknown[] = [];
  assert.equal(bus.status.state, "idle");
  const leave = bus.subscribe("a", (payload, channel, message) => got.push([payload, channel, message.offset]), {
    onSubscribed: ({ offset }) => got.push(offset),
  });
  assert.equal(bus.status.state, "connected");
  assert.deepEqual(bus.subscriptions.map((s) => s.channel), ["a"]);
  bus.message("a", "x");
  bus.message("b", "not here");
  assert.deepEqual(await bus.publish("a", { n: 1 }, { event: "e" }), { epoch: "fake", offset: 2, tag: "t2" });
  assert.deepEqual(got, [0, ["x", "a", 1], [{ n: 1 }, "a", 2]]);
  assert.deepEqual(bus.published.at(-1), { channel: "a", data: { n: 1 }, options: { event: "e" } });
  assert.deepEqual((await bus.history("a")).messages.map((m) => m.data), ["x", { n: 1 }]);
  leave();
  bus.message("a", 3);
  assert.equal(got.length, 3);
  assert.deepEqual(bus.subscriptions, []);
});

test("gap, status and failures by hand", async () => {
  const bus = createFakeBus();
  const seen: unknown[] = [];
  bus.onStatus((s) => seen.push(s.state));
  bus.subscribe("a", () => {}, { onGap: (g) => seen.push(`${g.channel} ${g.reason}`) });
  bus.gap("a");
  bus.gap("b");
  bus.gap("a", "feed_lost");
  bus.debug.hold();
  bus.debug.release();
  bus.setStatus({ state: "connecting", transport: null });
  bus.close();
  assert.deepEqual(seen, ["connected", "a history_expired", "a feed_lost", "waiting", "connected", "connecting", "closed"]);
  assert.deepEqual(bus.subscriptions, []);
  bus.subscribe("a", () => {});
  assert.deepEqual(bus.subscriptions, [], "closed");
  bus.failWith(new Error("offline"));
  await assert.rejects(bus.publish("a", 1), /offline/);
  await assert.rejects(bus.history("a"), /offline/);
  bus.failWith(null);
  await bus.publish("a", 1);
});

test("what a callback throws comes out of the call that delivered", () => {
  const bus = createFakeBus();
  bus.subscribe("a", () => {
    throw new Error("boom");
  });
  assert.throws(() => bus.message("a", 1), /boom/);
});

test("requests and frames of modules by hand", async () => {
  const bus = createFakeBus();
  const heard: unknown[] = [];
  const leave = bus.onFrame((f) => heard.push(f));
  bus.frame({ type: "joined", channel: "a", members: [], count: 0 });
  leave();
  bus.frame({ type: "left", channel: "a", members: [], count: 0 });
  assert.deepEqual(heard, [{ type: "joined", channel: "a", members: [], count: 0 }]);
  assert.deepEqual(await bus.request({ type: "call", method: "x" }), { type: "reply", id: 1 });
  bus.answerWith((f) => ({ data: f.method }));
  assert.equal((await bus.request({ type: "call", method: "y" })).data, "y");
  assert.deepEqual(bus.requests.map((f) => f.method), ["x", "y"]);
  bus.failWith(new Error("no"));
  await assert.rejects(bus.request({ type: "call", method: "z" }));
});

test("who is there, by hand", async () => {
  const bus = createFakeBus();
  const heard: unknown[] = [];
  bus.onFrame((f) => heard.push(f));
  assert.deepEqual(await bus.request({ type: "presence", channel: "a" }), { type: "reply", id: 1, members: [], count: 0 });
  bus.presence("a", [{ user: "ann" }]);
  const frame = { type: "presence", channel: "a", members: [{ user: "ann" }], count: 1 };
  assert.deepEqual(heard, [frame]);
  assert.equal((await bus.request({ type: "presence", channel: "a", users: "all" })).count, 1);
  assert.deepEqual(heard, [frame, frame], "who begins to watch hears it again");
});

test("the fake asks the test which payloads a filter matches", () => {
  const bus = createFakeBus({ matches: (filter, data) => (filter as { city: string }).city === data });
  const heard: unknown[] = [];
  bus.subscribe("a", (data) => heard.push(["Bern", data]), { filter: { city: "Bern" } });
  bus.subscribe("a", (data) => heard.push(["all", data]));
  bus.message("a", "Bern");
  bus.message("a", "Basel");
  assert.deepEqual(heard, [["Bern", "Bern"], ["all", "Bern"], ["all", "Basel"]]);
});
