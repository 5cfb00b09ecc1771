import assert from "node:assert/strict";
import { test } from "node:test";
import { call, type RouteAnswer, type RouteRequest } from "../src/call.js";
import type { ClientFrame, ReplyFrame } from "../src/core/frames.js";

/** A bus that answers each request with what it was asked. */
function echo() {
  const frames: ClientFrame[] = [];
  return { frames, request: async (frame: ClientFrame) => (frames.push(frame), { type: "reply", id: 1, data: { asked: frame.method, data: frame.data } } as unknown as ReplyFrame) };
}

test("a call carries its data, and a key of its own", async () => {
  const bus = echo();
  assert.deepEqual(await call(bus, "visits.count", { floor: 3 }), { asked: "visits.count", data: { floor: 3 } });
  await call(bus, "visits.count");
  const [first, second] = bus.frames;
  assert.equal(first?.type, "call");
  assert.match(String(first?.idempotencyKey), /^\d+,\d+,\d+,\d+$/);
  assert.notEqual(first?.idempotencyKey, second?.idempotencyKey);
  assert.ok(!JSON.stringify(second).includes("data"));
});

test("the caller may say the key, and null is data", async () => {
  const bus = echo();
  await call(bus, "pay", null, { idempotencyKey: "invoice-7" });
  assert.deepEqual(bus.frames, [{ type: "call", method: "pay", idempotencyKey: "invoice-7", data: null }]);
});

test("a route is a call", async () => {
  const bus = echo();
  const request: RouteRequest = { method: "POST", path: "/visits", input: { name: "Ann" } };
  await call<RouteAnswer<{ visit: number }>>(bus, "route", request, { idempotencyKey: "k" });
  assert.deepEqual(bus.frames, [{ type: "call", method: "route", idempotencyKey: "k", data: { method: "POST", path: "/visits", input: { name: "Ann" } } }]);
});
