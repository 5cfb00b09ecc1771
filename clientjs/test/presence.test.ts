import assert from "node:assert/strict";
import { test } from "node:test";
import { getPresence, watchPresence, type Presence } from "../src/presence.js";
import { createFakeBus } from "../src/testing.js";
import { servedBus } from "./helpers/bus.js";
import { settle } from "./helpers/clock.js";

const ann = { user: "ann" };
const bob = { user: "bob" };
const short = ({ members, count, known, error }: Presence): string =>
  `${members.map((m) => m.user ?? m.connection).join("+")} of ${count}${known ? "" : "?"}${error ? ` ${error.code}` : ""}`;

test("who is there, asked once", async () => {
  const bus = createFakeBus();
  bus.presence("room", [bob, { connection: "x" }, ann]);
  assert.equal(short(await getPresence(bus, "room")), "x+ann+bob of 3");
  bus.answerWith(() => ({ count: 5000 }));
});

test("a presence without names is a count", async () => {
  const many = await getPresence({ request: async () => ({ type: "reply", id: 1, count: 5000 }) }, "room");
  assert.equal(short(many), " of 5000");
});

/** A watch over a server, and what it was told. */
async function watching() {
  const world = servedBus();
  world.server.present = [ann];
  const live = watchPresence(world.bus, "room", world.clock);
  const told: string[] = [];
  const leave = live.onChange(() => told.push(short(live.state)));
  await settle();
  const heard = (): string[] => told.splice(0);
  const asked = (): unknown[] => world.net.links.flatMap((l) => l.sent).filter((f) => f.type === "presence").map((f) => f.users);
  return { ...world, live, leave, heard, asked };
}

test("who comes and goes is told as it comes, with the count", async () => {
  const { server, live, heard, asked } = await watching();
  assert.deepEqual(heard(), ["ann of 1"]);
  server.news("room", { type: "joined", members: [bob, { connection: "x" }], count: 3 });
  server.news("other", { type: "joined", members: [{ user: "nobody" }], count: 1 });
  server.news("room", { type: "left", members: [ann], count: 2 });
  await settle();
  assert.deepEqual(heard(), ["x+ann+bob of 3", "x+bob of 2"]);
  server.news("room", { type: "presence", count: 1001 });
  server.news("room", { type: "joined", members: [ann], count: 1002 });
  server.news("room", { type: "presence", members: [ann], count: 1 });
  await settle();
  assert.deepEqual(heard(), [" of 1001", " of 1002", "ann of 1"]);
  assert.equal(live.state.known, true);
  assert.deepEqual(asked(), ["all"]);
});

test("a resumed session goes on; a new one is asked again, and until it answers the last known stays", async () => {
  const { bus, server, net, clock, live, heard, asked } = await watching();
  heard();
  net.last.lost();
  server.news("room", { type: "joined", members: [bob], count: 2 });
  await clock.advance(5_000);
  assert.deepEqual([heard(), asked()], [["ann+bob of 2"], ["all"]]);
  bus.debug.hold();
  server.forget();
  server.present = [bob];
  await clock.advance(60_000);
  assert.equal(short(live.state), "ann+bob of 2");
  bus.debug.release();
  await clock.advance(5_000);
  assert.deepEqual([heard(), asked()], [["bob of 1"], ["all", "all"]]);
});

test("several who watch share it; the last one to leave ends it, and others hear their messages", async () => {
  const { bus, server, live, leave, heard, asked } = await watching();
  const got: unknown[] = [];
  bus.subscribe("room", (payload) => got.push(payload));
  const again = watchPresence(bus, "room");
  assert.equal(again, live);
  const second = again.onChange(() => {});
  leave();
  leave();
  await settle();
  heard();
  server.news("room", { type: "joined", members: [bob], count: 2 });
  await settle();
  assert.equal(short(live.state), "ann+bob of 2");
  second();
  await settle();
  server.publish("room", 7);
  await settle();
  assert.deepEqual([got, asked()], [[7], ["all", "none"]]);
  const later = watchPresence(bus, "room");
  assert.notEqual(later, live);
  later.onChange(() => {});
  await settle();
  assert.deepEqual([short(later.state), asked()], ["ann of 1", ["all", "none", "all"]]);
});

test("leaving and coming back in one turn, as StrictMode does, is no change", async () => {
  const { live, leave, asked, net } = await watching();
  leave();
  live.onChange(() => {});
  await settle();
  assert.deepEqual(asked(), ["all"]);
  assert.equal(net.links.flatMap((l) => l.sent).filter((f) => f.type === "subscribe").length, 1);
});

test("what is forbidden is told, and messages go on; what is refused for the moment is asked again", async () => {
  const world = servedBus();
  world.server.forbidden = { code: "forbidden", retry: false };
  const live = watchPresence(world.bus, "room", world.clock);
  live.onChange(() => {});
  await settle();
  assert.equal(short(live.state), " of 0? forbidden");
  const got: unknown[] = [];
  world.bus.subscribe("room", (payload) => got.push(payload));
  await settle();
  world.server.publish("room", 1);
  await settle();
  assert.deepEqual(got, [1]);

  const other = servedBus();
  other.server.present = [ann];
  other.server.forbidden = { code: "rate_limited", retry: true };
  const patient = watchPresence(other.bus, "room", other.clock);
  patient.onChange(() => {});
  await settle();
  assert.equal(short(patient.state), " of 0?");
  other.server.forbidden = undefined;
  await other.clock.advance(2_000);
  assert.equal(short(patient.state), "ann of 1");
});

test("what a session said before it began anew is not believed", () => {
  const bus = createFakeBus();
  const live = watchPresence({ ...bus, request: () => new Promise(() => {}), status: bus.status }, "room");
  live.onChange(() => {});
  bus.frame({ type: "joined", channel: "room", members: [bob], count: 9 });
  assert.equal(live.state.known, false);
});
