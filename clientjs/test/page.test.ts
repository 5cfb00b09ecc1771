import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { handBus, servedBus } from "./helpers/bus.js";
import { settle } from "./helpers/clock.js";

const globals = globalThis as Record<string, unknown>;
const names = ["addEventListener", "document"] as const;
let page: EventTarget;
let doc: EventTarget & { visibilityState: string };

beforeEach(() => {
  page = new EventTarget();
  doc = Object.assign(new EventTarget(), { visibilityState: "visible" });
  globals.addEventListener = page.addEventListener.bind(page);
  globals.document = doc;
});
afterEach(() => names.forEach((n) => delete globals[n]));

/** What happens on the page. `pageshow` and `pagehide` carry `persisted`. */
const fire = (name: string, persisted = false): unknown =>
  (["visibilitychange", "resume"].includes(name) ? doc : page).dispatchEvent(Object.assign(new Event(name), { persisted }));

for (const name of ["online", "focus", "visibilitychange", "pageshow", "resume"]) {
  test(`${name} ends the waiting at once`, async () => {
    const { bus, net } = handBus({ transports: ["sse"] });
    bus.subscribe("a", () => {});
    await settle();
    net.last.lost();
    assert.equal(bus.status.state, "waiting");
    fire(name);
    assert.equal(bus.status.state, "connecting");
    assert.equal(net.links.length, 2);
    fire(name);
    assert.equal(net.links.length, 2, "once is enough");
    bus.close();
  });

  test(`${name} asks an open link whether it lives, and gives it 2 s`, async () => {
    const { bus, net, clock } = handBus();
    bus.subscribe("a", () => {});
    await settle();
    net.last.accept();
    net.last.flush();
    fire(name);
    assert.deepEqual(net.last.flush().map((f) => f.type), ["ping"]);
    net.last.receive({ type: "pong" });
    await clock.advance(3_000);
    assert.equal(bus.status.state, "connected");
    fire(name);
    await clock.advance(2_000);
    assert.equal(bus.status.state, "waiting");
    bus.close();
  });
}

test("a page that is hidden asks nothing", async () => {
  const { bus, net } = servedBus();
  bus.subscribe("a", () => {});
  await settle();
  net.last.flush();
  doc.visibilityState = "hidden";
  fire("visibilitychange");
  assert.deepEqual(net.last.flush(), []);
  bus.close();
});

test("F57: pagehide says goodbye; back from the cache it recovers from its cursors, and misses nothing", async () => {
  const { bus, server, net, clock } = servedBus();
  const got: unknown[] = [];
  bus.subscribe("a", (p) => got.push(p), { onGap: () => got.push("gap") });
  await settle();
  server.publish("a", 1);
  fire("pagehide", true);
  await settle();
  assert.equal(net.last.sent.at(-1)?.type, "disconnect");
  assert.deepEqual([net.last.closed, server.sessions.size], [true, 0]);
  server.publish("a", 2);
  fire("online");
  await clock.advance(600_000);
  assert.deepEqual([net.links.length, bus.status.state], [1, "waiting"], "a hidden page stays away");
  fire("pageshow", true);
  await settle();
  server.publish("a", 3);
  assert.deepEqual(got, [1, 2, 3]);
  bus.close();
});

test("a bus listens to its page only while it is in use", async () => {
  const { bus, net } = servedBus();
  fire("pagehide", true);
  fire("pageshow", true);
  assert.equal(net.links.length, 0);
  bus.subscribe("a", () => {});
  await settle();
  bus.close();
  fire("online");
  fire("pageshow", true);
  await settle();
  assert.equal(net.links.length, 1);
});
