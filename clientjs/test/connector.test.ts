import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageBus, MessageBusOptions } from "../src/types.js";
import { captured, handBus, servedBus } from "./helpers/bus.js";
import { settle } from "./helpers/clock.js";

/** A bus that is connected over a link in the test's hand. */
async function connected(options: MessageBusOptions = {}) {
  const hand = handBus(options);
  hand.bus.subscribe("a", () => {});
  await settle();
  hand.net.last.accept();
  hand.net.last.receive({ type: "subscribed", id: 1, channel: "a", epoch: "e", offset: 0, tag: "", recovered: false });
  hand.net.last.flush();
  return hand;
}
const goodbye = (code: string, retry: boolean, rest = {}) => ({ type: "disconnect", code, reason: `because ${code}`, retry, ...rest });

test("a transport has 3 s to prove itself, then the next is tried; after the last it waits", async () => {
  const { bus, net, clock } = handBus();
  net.dead.add("websocket");
  bus.subscribe("a", () => {});
  await clock.advance(2_999);
  assert.deepEqual(net.links.map((l) => l.name), ["websocket"]);
  await clock.advance(1);
  assert.deepEqual(net.links.map((l) => l.name), ["websocket", "sse"]);
  assert.equal(net.links[0]?.closed, true);
  net.links[1]?.lost();
  await settle();
  assert.deepEqual(net.links.map((l) => l.name), ["websocket", "sse", "poll"]);
  assert.equal(bus.status.state, "connecting");
  await clock.advance(3_000);
  assert.equal(bus.status.state, "waiting");
  assert.equal(bus.status.error?.code, "lost");
  assert.equal(net.last.closed, true);
});

test("what worked is tried first, and for ten minutes only", async () => {
  const { bus, net, clock } = handBus();
  net.dead.add("websocket");
  bus.subscribe("a", () => {});
  await clock.advance(3_000);
  net.last.accept();
  assert.equal(bus.status.transport, "sse");
  const names = (): string[] => net.links.splice(0).map((l) => l.name);
  names();
  bus.debug.cut();
  await clock.advance(1_000);
  assert.deepEqual(net.links.map((l) => l.name), ["sse"]);
  net.last.accept({ resumed: true, generation: 2 });
  names();
  net.onFrames = (link, frames) => frames.some((f) => f.type === "ping") && link.receive({ type: "pong" });
  await clock.advance(601_000);
  assert.equal(bus.status.state, "connected");
  bus.debug.cut();
  await clock.advance(200);
  assert.deepEqual(names(), ["websocket"]);
});

test("without a WebSocket constructor the others are used; without any it says so at once", () => {
  const platform = globalThis.WebSocket;
  assert.equal(platform, undefined, "this test needs a Node without WebSocket");
  assert.throws(() => handBus({ WebSocket: undefined, transports: ["websocket"] }), TypeError);
  assert.throws(() => handBus({ transports: ["pigeon" as never] }), TypeError);
});

test("no WebSocket: begins with SSE", async () => {
  const { bus, net } = handBus({ WebSocket: undefined });
  bus.subscribe("a", () => {});
  await settle();
  assert.deepEqual(net.links.map((l) => l.name), ["sse"]);
});

/** Fails every attempt for `ms`, with the longest waits that chance can give. Gives each wait and when it began, from now. */
async function outage(hand: ReturnType<typeof handBus>, ms: number) {
  const { net, clock } = hand;
  const start = clock.now();
  const waits: { began: number; took: number }[] = [];
  while (clock.now() - start < ms) {
    await settle();
    if (!net.last.closed) net.last.lost();
    const { length } = net.links;
    const began = clock.now();
    while (net.links.length === length) await clock.advance(10);
    waits.push({ began: began - start, took: clock.now() - began });
  }
  return waits;
}
const longest = (down: number): number => Math.min(20_000, 200 + down / 2);

test("full jitter: 0 to 0.2 s and half the time that it is down, at most 20 s, without an end", async () => {
  const hand = handBus({ transports: ["sse"], random: () => 0.999 });
  hand.net.dead.add("sse");
  hand.bus.subscribe("a", () => {});
  const waits = await outage(hand, 200_000);
  for (const { began, took } of waits) assert.ok(Math.abs(took - longest(began)) <= 20, `${took} ms after ${began} ms`);
  assert.deepEqual(waits.slice(0, 4).map((w) => w.took), [200, 300, 450, 680]);
  assert.ok(waits.filter((w) => w.took >= 19_980).length > 5, JSON.stringify(waits));
});

test("a cut of 5 s costs at most 2.7 s more", async () => {
  const hand = handBus({ transports: ["sse"], random: () => 0.999 });
  hand.bus.subscribe("a", () => {});
  await settle();
  hand.net.last.accept();
  hand.net.onFrames = (link, frames) => frames.some((f) => f.type === "ping") && link.receive({ type: "pong" });
  await hand.clock.advance(60_000);
  const waits = await outage(hand, 5_000);
  const { began, took } = waits.at(-1) as { began: number; took: number };
  assert.ok(began < 5_000 && began + took <= 7_700, JSON.stringify(waits));
});

test("the time that it is down counts from the end of a connection of 10 s, not of a shorter one", async () => {
  for (const [lasted, wait] of [[9_999, longest(200 + 9_999)], [10_000, longest(0)]] as const) {
    const { bus, net, clock } = handBus({ transports: ["sse"], random: () => 0.999 });
    bus.subscribe("a", () => {});
    await settle();
    net.last.lost();
    await clock.advance(200);
    net.last.accept();
    net.onFrames = (link) => link.receive({ type: "pong" });
    await clock.advance(lasted);
    net.last.lost();
    const { length } = net.links;
    await clock.advance(wait * 0.99);
    assert.equal(net.links.length, length, `after ${lasted}`);
    await clock.advance(wait * 0.01);
    assert.equal(net.links.length, length + 1, `after ${lasted}`);
  }
});

test("a good connection that is left for another, or with the page, counts as one", async () => {
  for (const leave of [(bus: MessageBus) => bus.use(["sse"]), (bus: MessageBus) => (bus.debug.hold(), bus.debug.release())]) {
    const { bus, net, clock } = await connected({ random: () => 0.999 });
    await clock.advance(20_000);
    leave(bus);
    await settle();
    net.last.accept({ resumed: true, generation: 2 });
    net.last.lost();
    const { length } = net.links;
    await clock.advance(200);
    assert.equal(net.links.length, length + 1);
  }
});

test("a clock that is set back neither stops the attempts nor makes them a storm", async () => {
  const hand = handBus({ transports: ["sse"], random: () => 0.999 });
  hand.net.dead.add("sse");
  hand.bus.subscribe("a", () => {});
  await outage(hand, 60_000);
  hand.clock.sleep(-3_600_000);
  const waits = await outage(hand, 60_000);
  assert.ok(waits.length < 30, `${waits.length} attempts in a minute`);
  assert.ok(waits[2]!.took >= 100 && waits[2]!.took < 1_000, JSON.stringify(waits));
});

test("a transport that connects and does not last is left for the next after three times", async () => {
  const { net, clock } = await connected();
  for (let i = 0; i < 3; i++) {
    assert.equal(net.last.name, "websocket");
    await clock.advance(1_000);
    net.last.lost();
    await clock.advance(2_000);
    if (i < 2) net.last.accept({ resumed: true, generation: i + 2 });
  }
  assert.equal(net.last.name, "sse");
});

test("disconnect with retry comes back over the same transport; after says when", async () => {
  const { bus, net, clock } = await connected();
  net.last.receive(goodbye("shutting_down", true, { after: 8_000, hint: "wait" }));
  assert.equal(bus.status.state, "waiting");
  assert.deepEqual([bus.status.error?.code, bus.status.error?.message, bus.status.error?.hint], ["shutting_down", "because shutting_down", "wait"]);
  await clock.advance(3_999);
  assert.equal(net.links.length, 1);
  await clock.advance(1);
  assert.deepEqual(net.links.map((l) => l.name), ["websocket", "websocket"]);
  assert.equal(net.last.sent[0]?.session, "s1");
});

test("an answer to connect that says later is no reason to try another transport", async () => {
  const { bus, net } = handBus();
  bus.subscribe("a", () => {});
  await settle();
  net.last.receive(goodbye("overloaded", true, { after: 1_000 }));
  assert.deepEqual([net.links.length, bus.status.state], [1, "waiting"]);
});

test("disconnect without retry is final, and visible", async () => {
  const { bus, net, clock } = await connected();
  net.last.receive(goodbye("disconnected", false, { hint: "ask the operator" }));
  await clock.advance(600_000);
  assert.equal(bus.status.state, "closed");
  assert.deepEqual([bus.status.error?.code, bus.status.error?.hint, bus.status.error?.retry], ["disconnected", "ask the operator", false]);
  assert.equal(net.links.length, 1);
  assert.equal(clock.pending, 0);
  bus.debug.release();
  bus.use(["poll"]);
  await settle();
  assert.equal(net.links.length, 1, "nothing opens it again");
});

test("not on this transport: the next one is tried", async () => {
  const { bus, net } = handBus();
  bus.subscribe("a", () => {});
  await settle();
  net.last.lost({ code: "not_found", message: "", hint: "", retry: false });
  await settle();
  assert.deepEqual([net.last.name, bus.status.state], ["sse", "connecting"]);
});

test("a session that the server no longer knows, or whose bodies went astray, is given up", async () => {
  for (const code of ["session_gone", "sequence_gap"]) {
    const { net, clock } = await connected();
    net.last.lost({ code, retry: true });
    await clock.advance(200);
    net.last.accept({ session: "s2" });
    const since = { epoch: "e", offset: 0, tag: "" };
    assert.deepEqual(net.last.sent, [{ type: "connect", version: 1 }, { type: "subscribe", id: 2, channel: "a", since }]);
  }
});

test("heartbeat: a ping when nothing was sent for 25 s; no answer in 10 s means lost", async () => {
  const { bus, net, clock } = await connected();
  await clock.advance(24_999);
  assert.deepEqual(net.last.flush(), []);
  await clock.advance(1);
  assert.deepEqual(net.last.flush(), [{ type: "ping", received: 1 }]);
  net.last.receive({ type: "pong" });
  await clock.advance(12_000);
  bus.subscribe("b", () => {});
  net.last.receive({ type: "event", event: "x", data: null });
  await clock.advance(24_999);
  assert.deepEqual(net.last.flush().map((f) => f.type), ["subscribe"], "what is sent and answered counts as a ping");
  await clock.advance(1);
  assert.deepEqual(net.last.flush().map((f) => f.type), ["ping"]);
  await clock.advance(9_999);
  assert.equal(bus.status.state, "connected");
  await clock.advance(1);
  assert.equal(bus.status.state, "waiting");
  assert.equal(net.links[0]?.closed, true);
});

test("heartbeat: a line that takes everything and brings nothing is found out, however much is sent", async () => {
  const { bus, net, clock } = await connected();
  for (let i = 0; i < 34; i++) {
    bus.publish("a", i).catch(() => {});
    await clock.advance(1_000);
  }
  assert.equal(net.last.flush().filter((f) => f.type === "ping").length, 1, "nothing was heard for 25 s");
  assert.equal(bus.status.state, "connected");
  await clock.advance(1_000);
  assert.equal(bus.status.state, "waiting");
  bus.close();
});

test("heartbeat: any frame is an answer; the interval is the server's", async () => {
  const { bus, net, clock } = handBus();
  bus.subscribe("a", () => {});
  await settle();
  net.last.accept({ heartbeat: 5_000 });
  await clock.advance(5_000);
  assert.equal(net.last.sent.at(-1)?.type, "ping");
  net.last.receive({ type: "event", event: "x", data: null });
  await clock.advance(4_000);
  assert.equal(bus.status.state, "connected");
});

test("after sleep the link has 2 s to prove that it lives", async () => {
  const { bus, net, clock } = await connected();
  clock.sleep(3_600_000);
  await clock.advance(0);
  assert.deepEqual(net.last.flush().map((f) => f.type), ["ping"]);
  await clock.advance(1_999);
  assert.equal(bus.status.state, "connected");
  await clock.advance(1);
  assert.equal(bus.status.state, "waiting");
});

test("use: the old transport goes on until the new one is connected, and nothing is lost", async () => {
  const { bus, server, net } = servedBus();
  const got: unknown[] = [];
  const states: string[] = [];
  bus.subscribe("a", (p) => got.push(p));
  await settle();
  bus.onStatus((s) => states.push(`${s.state} ${s.transport}`));
  for (const [i, name] of (["sse", "poll", "websocket"] as const).entries()) {
    server.publish("a", i * 2);
    bus.use([name]);
    server.publish("a", i * 2 + 1);
    await settle();
    assert.equal(bus.status.transport, name);
  }
  assert.deepEqual(got, [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(states.filter((s) => !s.startsWith("connecting")), ["connected sse", "connected poll", "connected websocket"], "never offline");
  assert.deepEqual(net.links.map((l) => l.closed), [true, true, true, false]);
  assert.equal(server.sessions.size, 1);
});

test("use: where the new transport does not work, the next is tried, and the old one stays", async () => {
  const { bus, net, clock } = await connected();
  net.dead.add("sse").add("poll");
  bus.use(["sse", "poll"]);
  await clock.advance(6_000);
  assert.deepEqual(net.links.map((l) => `${l.name} ${l.closed}`), ["websocket false", "sse true", "poll true"]);
  assert.equal(bus.status.transport, "websocket");
});

test("superseded by our own next link is not final; by another's it is", async () => {
  const { bus, net } = await connected();
  bus.use(["sse"]);
  await settle();
  net.links[0]?.receive(goodbye("superseded", false));
  assert.equal(bus.status.state, "connecting");
  net.last.accept({ resumed: true, generation: 2 });
  assert.equal(bus.status.state, "connected");
  net.last.receive(goodbye("superseded", false));
  assert.equal(bus.status.state, "closed");
});

test("a body in flight that is refused because our own next link took over is not final", async () => {
  const { bus, net } = await connected({ transports: ["sse"] });
  bus.use(["websocket"]);
  await settle();
  net.links[0]?.lost({ code: "wrong_transport", retry: false });
  net.last.accept({ resumed: true, generation: 2 });
  assert.deepEqual([bus.status.state, bus.status.transport], ["connected", "websocket"]);
});

test("superseded by a next link that failed before it heard of it: it comes back", async () => {
  const { bus, net, clock } = await connected();
  bus.use(["sse"]);
  await settle();
  net.last.lost();
  net.links[0]?.receive(goodbye("superseded", false));
  assert.equal(bus.status.state, "waiting");
  await clock.advance(1_000);
  assert.equal(net.last.sent[0]?.session, "s1");
});

test("hold stays offline until release, which comes back at once and resumes", async () => {
  const { bus, net, clock } = await connected();
  bus.debug.hold();
  assert.equal(net.last.closed, true);
  await clock.advance(600_000);
  bus.debug.cut();
  assert.deepEqual([bus.status.state, net.links.length], ["waiting", 1]);
  bus.debug.release();
  await settle();
  assert.deepEqual(net.last.sent, [{ type: "connect", version: 1, session: "s1", received: 1, generation: 1 }]);
});

test("held before its first use, it opens at release", async () => {
  const { bus, net } = handBus();
  bus.debug.hold();
  bus.subscribe("a", () => {});
  await settle();
  assert.deepEqual([bus.status.state, net.links.length], ["waiting", 0]);
  bus.debug.release();
  assert.equal(net.links.length, 1);
});

test("a token goes with each connect", async () => {
  const { bus, net } = handBus({ token: "secret" });
  bus.subscribe("a", () => {});
  await settle();
  assert.equal(net.last.sent[0]?.token, "secret");
  assert.equal(net.last.context.token(), "secret");
});

test("getToken is asked before the first connect, and again when the token is over", async () => {
  let n = 0;
  const { bus, net, clock } = handBus({ getToken: async () => `token-${++n}` });
  bus.subscribe("a", () => {});
  await settle();
  assert.equal(net.last.sent[0]?.token, "token-1");
  net.last.accept();
  for (const code of ["token_expired", "unauthorized"]) {
    net.last.receive(goodbye(code, code === "token_expired"));
    assert.equal(bus.status.state, "waiting");
    await clock.advance(1_000);
    assert.equal(net.last.sent[0]?.token, `token-${n}`);
    net.last.accept({ resumed: true, generation: n });
  }
  assert.equal(n, 3);
  bus.debug.cut();
  await clock.advance(1_000);
  assert.equal(net.last.sent[0]?.token, "token-3", "a token that works is kept");
});

test("a fresh token that is refused is final", async () => {
  let n = 0;
  const { bus, net, clock } = handBus({ getToken: () => `token-${++n}` });
  bus.subscribe("a", () => {});
  await settle();
  net.last.receive(goodbye("unauthorized", false));
  await clock.advance(60_000);
  assert.deepEqual([bus.status.state, bus.status.error?.code, n], ["closed", "unauthorized", 1]);
});

test("a fixed token that is refused is final", async () => {
  const { bus, net } = handBus({ token: "x" });
  bus.subscribe("a", () => {});
  await settle();
  net.last.receive(goodbye("unauthorized", false));
  assert.equal(bus.status.state, "closed");
});

test("getToken that fails is asked again later", async () => {
  let n = 0;
  const { bus, net, clock } = handBus({
    getToken: () => {
      if (++n < 3) throw new Error("offline");
      return "token";
    },
  });
  bus.subscribe("a", () => {});
  await settle();
  assert.equal(bus.status.state, "waiting");
  assert.match(String(bus.status.error?.message), /getToken failed: Error: offline/);
  await clock.advance(1_000);
  assert.deepEqual([n, net.last.sent[0]?.token], [3, "token"]);
});

test("a token that comes too late for a closed bus opens nothing", async () => {
  let give = (_: string): void => {};
  const { bus, net } = handBus({ getToken: () => new Promise((resolve) => (give = resolve)) });
  bus.subscribe("a", () => {});
  await settle();
  bus.close();
  give("token");
  await settle();
  assert.equal(net.links.length, 0);
});

test("a transport that throws at its making is a transport that fails", async () => {
  const { bus, net } = handBus();
  net.transports.websocket = () => {
    throw new SyntaxError("bad URL");
  };
  bus.subscribe("a", () => {});
  await settle();
  assert.equal(net.last.name, "sse");
});

test("nothing is left behind by a hundred cuts", async () => {
  const { bus, server, net, clock } = servedBus();
  bus.subscribe("a", () => {});
  await settle();
  for (let i = 0; i < 100; i++) {
    bus.debug.cut();
    await clock.advance(20_000);
  }
  assert.equal(bus.status.state, "connected");
  assert.equal(net.links.filter((l) => !l.closed).length, 1);
  assert.equal(server.sessions.size, 1);
  assert.ok(clock.pending <= 1, `${clock.pending} timers`);
  const { warn, error } = await captured(() => bus.close());
  assert.deepEqual([warn, error, clock.pending], [[], [], 0]);
});
