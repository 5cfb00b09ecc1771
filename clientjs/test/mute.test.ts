// Paths that die without a word, and clocks that are set: the client notices, and what it knows of time harms nobody.
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { systemClock, type Clock } from "../src/util/clock.js";
import { createBus } from "../src/bus/bus.js";
import { handBus, servedBus } from "./helpers/bus.js";
import { settle } from "./helpers/clock.js";
import { FakeNet, type FakeLink } from "./helpers/net.js";
import { FakeServer } from "./helpers/server.js";
import type { MessageBusOptions } from "../src/types.js";

/**
 * A served bus that is connected, whose server pings are wanted every `heartbeat` ms; after `mute` nothing passes any
 * more, on any link.
 */
async function mutable(heartbeat: number, options: MessageBusOptions = {}) {
  const hand = servedBus(options);
  const { net, bus } = hand;
  const { onFrames } = net;
  let muted = false;
  net.onFrames = (link, frames) => {
    if (muted) return;
    const { accept } = link;
    link.accept = (fields) => accept.call(link, { ...fields, heartbeat });
    onFrames(link, frames);
  };
  bus.subscribe("a", () => {});
  await settle();
  return { ...hand, mute: () => ((muted = true), ["websocket", "sse", "poll"].forEach((name) => net.dead.add(name as "poll"))) };
}

for (const heartbeat of [2_000, 5_000, 9_000, 12_000, 25_000]) {
  test(`F65: with a heartbeat of ${heartbeat} ms a dead path is noticed within it and 10 s`, async () => {
    const { bus, clock, mute } = await mutable(heartbeat);
    await clock.advance(60_000);
    assert.equal(bus.status.state, "connected");
    mute();
    await clock.advance(heartbeat * 1.1 + 10_000);
    assert.notEqual(bus.status.state, "connected");
    bus.close();
  });
}

for (const shift of [-3_600_000, -30_000, 3_600_000]) {
  test(`F75: the clock is set by ${shift} ms, then the path dies: noticed as ever`, async () => {
    let by = 0;
    const hand = handBus();
    const clock: Clock = { now: () => hand.clock.now() + by, set: hand.clock.set, clear: hand.clock.clear };
    const net = new FakeNet();
    new FakeServer(net);
    const bus = createBus({ clock, random: () => 0.5, fetch: () => Promise.reject(new TypeError()), WebSocket: class {} as never }, net.transports);
    bus.subscribe("a", () => {});
    await hand.clock.advance(40_000);
    by = shift;
    net.onFrames = () => {};
    net.dead.add("websocket").add("sse").add("poll");
    await hand.clock.advance(25_000 * 1.1 + 12_000);
    assert.notEqual(bus.status.state, "connected");
    bus.close();
  });
}

test("F75: a clock that is set back during the first connect does not hold up the choice", async () => {
  let by = 0;
  const { clock: real } = handBus();
  const clock: Clock = { now: () => real.now() + by, set: real.set, clear: real.clear };
  const net = new FakeNet();
  net.dead.add("websocket");
  new FakeServer(net);
  const bus = createBus({ clock, random: () => 0.5, WebSocket: class {} as never }, net.transports);
  bus.subscribe("a", () => {});
  await real.advance(310); // SSE has proven itself and waits for the WebSocket
  by = -3_600_000;
  await real.advance(1_000);
  assert.equal(bus.status.transport, "sse");
  bus.close();
});

test("F74: pings of a tab that nobody sees come in time, though timers that hang on timers are slowed down", async () => {
  const { clock: real } = handBus();
  let depth = 0;
  // As browsers do it: the fifth timer of a chain runs at the next full minute.
  const clock: Clock = {
    now: real.now,
    set(callback, ms) {
      const own = depth + 1;
      const late = own >= 5 ? Math.ceil((real.now() + ms) / 60_000) * 60_000 - real.now() : ms;
      return real.set(() => {
        depth = own;
        callback();
        depth = 0;
      }, late);
    },
    clear: real.clear,
  };
  const net = new FakeNet();
  new FakeServer(net);
  const { onFrames } = net;
  const pings: number[] = [];
  // What comes from the network hangs on no timer.
  net.onFrames = (link, frames) => {
    if (frames.some((f) => f.type === "ping")) pings.push(real.now());
    const { receive } = link;
    link.receive = (...f) => void real.set(() => ((depth = 0), receive.apply(link, f)), 5);
    onFrames(link, frames);
    queueMicrotask(() => (link.receive = receive));
  };
  const bus = createBus({ clock, random: () => 0.5, WebSocket: class {} as never }, net.transports);
  bus.subscribe("a", () => {});
  await real.advance(900_000);
  const gaps = pings.slice(1).map((at, i) => at - pings[i]!);
  assert.ok(gaps.length > 20 && Math.max(...gaps) < 37_500, `${gaps}`);
  bus.close();
});

test("F89: a request without a sign of life for 3 s: the candidates start beside the link, and the one that proves itself takes over", async () => {
  const { bus, net, clock, server } = servedBus();
  const got: unknown[] = [];
  bus.subscribe("a", (n) => got.push(n), { onGap: () => got.push("gap") });
  await settle();
  const [first] = net.links as [FakeLink];
  const { onFrames } = net;
  net.onFrames = (link, frames) => link !== first && onFrames(link, frames);
  const receive = first.receive;
  first.receive = () => {};
  const states: string[] = [];
  bus.onStatus((s) => states.push(s.state));
  const published = bus.publish("a", 1);
  await clock.advance(2_999);
  assert.equal(net.links.length, 1);
  await clock.advance(10);
  assert.equal(net.links.length, 2);
  assert.equal((await published).offset, 1);
  assert.deepEqual([got, states, first.closed, server.sessions.size], [[1], ["connected"], true, 1]);
  void receive;
  bus.close();
});

test("F89: a link that brought a message every 50 ms and falls silent is asked within a second, and left within 5 s", async () => {
  const { bus, net, clock, server } = servedBus();
  const got: unknown[] = [];
  bus.subscribe("a", (n) => got.push(n), { onGap: () => got.push("gap") });
  await settle();
  for (let i = 0; i < 100; i++) {
    server.publish("a", i);
    await clock.advance(50);
  }
  const [first] = net.links as [FakeLink];
  const { onFrames } = net;
  net.onFrames = (link, frames) => link !== first && onFrames(link, frames);
  first.flush();
  first.receive = () => {};
  server.publish("a", 100);
  await clock.advance(1_300);
  assert.deepEqual(first.flush().map((f) => f.type), ["ping"]);
  await clock.advance(3_700);
  assert.deepEqual([got.length, first.closed, bus.status.state], [101, true, "connected"]);
  bus.close();
});

test("F89: a slow line that answers after 2.9 s, or while the candidates are at it, keeps its link", async () => {
  for (const delay of [2_900, 3_200]) {
    const { bus, net, clock } = servedBus();
    bus.subscribe("a", () => {});
    await settle();
    net.dead.add("websocket").add("sse").add("poll"); // as slow as the line: not proven yet
    const { onFrames } = net;
    net.onFrames = (link, frames) => clock.set(() => onFrames(link, frames), delay);
    bus.publish("a", 1).catch(() => {});
    await clock.advance(30_000);
    assert.deepEqual([net.links[0]?.closed, bus.status.state, net.links.slice(1).every((l) => l.closed)], [false, "connected", true], `${delay} ms`);
    bus.close();
  }
});

test("F89: a transport that went mute twice is not the first choice for a minute", async () => {
  const { bus, net, clock, server } = servedBus();
  bus.subscribe("a", () => {});
  await settle();
  const { onFrames } = net;
  for (let n = 0; n < 2; n++) {
    const link = net.links.findLast((l) => l.name === "websocket" && !l.closed) as FakeLink;
    assert.ok(link, `${n}: over WebSocket`);
    await clock.advance(20_000);
    const before = net.onFrames;
    net.onFrames = (l, frames) => l !== link && before(l, frames);
    link.receive = () => {};
    bus.publish("a", n).catch(() => {});
    await clock.advance(4_000);
    assert.equal(link.closed, true);
  }
  assert.deepEqual([bus.status.transport, bus.status.fallback], ["sse", "unstable"]);
  await clock.advance(40_000);
  assert.equal(bus.status.transport, "sse");
  await clock.advance(60_000);
  assert.equal(bus.status.transport, "websocket", "it is tried again");
  void onFrames;
  void server;
  bus.close();
});

test("F68: timers of any length wait as long as they should", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    // What the platform does with a time that it cannot hold.
    const platform = globalThis.setTimeout;
    globalThis.setTimeout = ((callback: () => void, ms = 0) => platform(callback, ms > 2 ** 31 - 1 ? 1 : ms)) as never;
    for (const days of [20, 24.9, 40, 365]) {
      let fired = 0;
      const ms = days * 86_400_000;
      systemClock.set(() => fired++, ms);
      const step = 2 ** 31 - 1;
      for (let left = ms - 1; left > 0; left -= step) mock.timers.tick(Math.min(left, step));
      assert.equal(fired, 0, `${days} days: not yet`);
      mock.timers.tick(1);
      assert.equal(fired, 1, `${days} days`);
    }
    let fired = 0;
    const timer = systemClock.set(() => fired++, Infinity);
    mock.timers.tick(2 ** 31 - 1);
    mock.timers.tick(1_000);
    systemClock.clear(timer);
    mock.timers.tick(2 ** 31 - 1);
    mock.timers.tick(2 ** 31 - 1);
    assert.equal(fired, 0, "never, and it can be cleared after the first part of it");
  } finally {
    mock.timers.reset();
  }
});
