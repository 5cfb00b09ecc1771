import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageBus, MessageBusOptions } from "../src/types.js";
import { captured, handBus, servedBus } from "./helpers/bus.js";
import { settle } from "./helpers/clock.js";
import type { FakeLink, FakeNet } from "./helpers/net.js";

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

/** The transports that were tried since the last call. */
const tried = (net: FakeNet): string[] => net.links.splice(0).map((l) => l.name);

test("candidates start 300 ms apart; each has 3 s to prove itself; after the last it waits", async () => {
  const { bus, net, clock } = handBus();
  net.dead.add("websocket").add("sse").add("poll");
  bus.subscribe("a", () => {});
  await clock.advance(299);
  assert.deepEqual(net.links.map((l) => l.name), ["websocket"]);
  await clock.advance(1);
  assert.deepEqual(net.links.map((l) => l.name), ["websocket", "sse"]);
  await clock.advance(300);
  assert.deepEqual(net.links.map((l) => l.name), ["websocket", "sse", "poll"]);
  await clock.advance(2_399);
  assert.deepEqual(net.links.map((l) => l.closed), [false, false, false]);
  await clock.advance(1);
  assert.deepEqual(net.links.map((l) => l.closed), [true, false, false]);
  await clock.advance(599);
  assert.equal(bus.status.state, "connecting");
  await clock.advance(1);
  assert.deepEqual([bus.status.state, bus.status.error?.code], ["waiting", "lost"]);
  assert.equal(net.last.closed, true);
});

test("a row in which all failed gives the next one more time, 9 s at most", async () => {
  const { bus, net, clock } = handBus({ transports: ["sse"], random: () => 0 });
  net.dead.add("sse");
  bus.subscribe("a", () => {});
  for (const deadline of [3_000, 6_000, 9_000, 9_000]) {
    const { length } = net.links;
    await clock.advance(deadline - 1);
    assert.equal(net.links.length, Math.max(length, 1), `${deadline}`);
    await clock.advance(1);
    assert.equal(net.links.length, Math.max(length, 1) + 1, `${deadline}`);
  }
});

test("a candidate that fails at once gives way at once", async () => {
  const { bus, net } = handBus();
  bus.subscribe("a", () => {});
  await settle();
  net.dead.add("sse").add("poll");
  net.last.lost();
  await settle();
  assert.equal(net.last.name, "sse");
  net.last.lost();
  await settle();
  assert.equal(net.last.name, "poll");
});

test("the best that proves itself wins: a worse one waits for it until 600 ms after the start; nothing but a ping goes over the losers", async () => {
  const { bus, net, clock } = handBus();
  net.dead.add("websocket").add("sse");
  bus.subscribe("a", () => {});
  await clock.advance(350);
  const [ws, sse] = net.links as [FakeLink, FakeLink];
  sse.open();
  assert.deepEqual(sse.sent, [], "not yet");
  await clock.advance(100);
  ws.open();
  assert.equal(ws.sent[0]?.type, "connect");
  assert.equal(sse.closed, true, "dropped, unused");
  assert.deepEqual(sse.sent, []);
  ws.accept();
  assert.deepEqual(bus.status, { state: "connected", transport: "websocket", error: null });
  await clock.advance(1_000);
  assert.equal(net.links.length, 2, "poll was not tried");
});

test("websockets are swallowed: SSE carries it after 600 ms, and says why", async () => {
  const { bus, net, clock } = handBus();
  net.dead.add("websocket");
  bus.subscribe("a", () => {});
  await clock.advance(599);
  assert.equal(net.links[1]?.sent.length, 0);
  await clock.advance(1);
  assert.deepEqual(net.links[1]?.sent[0], { type: "connect", version: 1, fallback: "unproven" });
});

test("SSE is buffered too: long-poll carries it", async () => {
  const { bus, net, clock } = handBus();
  net.dead.add("websocket").add("sse");
  bus.subscribe("a", () => {});
  await clock.advance(600);
  assert.deepEqual(net.links.map((l) => `${l.name} ${l.sent.length}`), ["websocket 0", "sse 0", "poll 1"]);
  net.last.accept();
  assert.equal(bus.status.transport, "poll");
});

test("a better one that proves itself late takes the session over; nothing is lost or twice", async () => {
  const { bus, server, net, clock } = servedBus();
  const got: unknown[] = [];
  const states: string[] = [];
  net.dead.add("websocket");
  bus.subscribe("a", (p) => got.push(p), { onGap: () => got.push("gap") });
  bus.onStatus((s) => states.push(`${s.state} ${s.transport} ${s.fallback}`));
  await clock.advance(700);
  assert.equal(bus.status.transport, "sse");
  server.publish("a", 1);
  net.links[0]?.open();
  server.publish("a", 2);
  await settle();
  server.publish("a", 3);
  assert.deepEqual(got, [1, 2, 3]);
  assert.deepEqual(states, ["connected sse unproven", "connected websocket undefined"]);
  assert.equal(server.sessions.size, 1);
  assert.deepEqual(net.links.map((l) => l.closed), [false, true]);
});

test("a proof that was worth nothing: where connected does not come, the next transport is tried", async () => {
  const { bus, net, clock } = handBus();
  net.dead.add("websocket");
  bus.subscribe("a", () => {});
  await clock.advance(700);
  net.links[0]?.lost();
  assert.deepEqual(net.links.map((l) => l.name), ["websocket", "sse"]);
  await clock.advance(3_000);
  assert.deepEqual(net.links.map((l) => `${l.name} ${l.closed}`), ["websocket true", "sse true", "poll false"]);
  assert.equal(bus.status.state, "connecting");
  net.last.accept();
  assert.deepEqual([bus.status.transport, bus.status.fallback], ["poll", "refused"]);
});

test("what worked is tried first, alone, and for ten minutes only", async () => {
  const { bus, net, clock } = handBus();
  net.dead.add("websocket");
  bus.subscribe("a", () => {});
  await clock.advance(600);
  net.last.accept();
  await clock.advance(3_000);
  tried(net);
  bus.debug.cut();
  await clock.advance(1_050);
  assert.deepEqual(net.links.map((l) => l.name), ["sse"]);
  net.last.accept({ resumed: true, generation: 2 });
  assert.equal(bus.status.fallback, "unproven", "as it was found last");
  net.onFrames = (link, frames) => frames.some((f) => f.type === "ping") && link.receive({ type: "pong" });
  await clock.advance(601_000);
  assert.equal(bus.status.state, "connected");
  tried(net);
  bus.debug.cut();
  await clock.advance(200);
  assert.deepEqual(tried(net), ["websocket"]);
});

test("it climbs back: tries the better ones in growing intervals of 5 s to 5 min, and moves when one proves itself", async () => {
  const { bus, server, net, clock } = servedBus();
  const got: unknown[] = [];
  const states: string[] = [];
  net.dead.add("websocket");
  bus.subscribe("a", (p) => got.push(p), { onGap: () => got.push("gap") });
  await clock.advance(3_000);
  assert.equal(bus.status.transport, "sse");
  bus.onStatus((s) => states.push(`${s.state} ${s.transport}`));
  net.links.length = 0;
  const at: number[] = [];
  const start = clock.now();
  while (at.length < 10) {
    await clock.advance(100);
    for (const name of tried(net)) at.push((assert.equal(name, "websocket"), clock.now()));
  }
  const waits = at.map((t, i) => Math.round((t - (at[i - 1] ?? start)) / 1000));
  assert.deepEqual(waits, [5, 13, 23, 43, 83, 163, 303, 303, 303, 303], "each with its 3 s of proof");
  assert.deepEqual(states, [], "the application saw nothing");
  server.publish("a", 1);
  net.dead.clear();
  for (let i = 0; i < 3200 && bus.status.transport === "sse"; i++) {
    await clock.advance(100);
    server.publish("a", i + 2);
  }
  assert.equal(bus.status.transport, "websocket");
  assert.deepEqual(states, ["connected websocket"]);
  assert.deepEqual(got, got.map((_, i) => i + 1));
  assert.equal(server.sessions.size, 1);
  tried(net);
  await clock.advance(1_000_000);
  assert.deepEqual(tried(net), [], "there is nothing better");
});

test("focus or online tries for a better transport at once, at most every 5 s", async () => {
  const hand = servedBus();
  const { bus, net, clock } = hand;
  net.dead.add("websocket");
  bus.subscribe("a", () => {});
  await clock.advance(60_000);
  tried(net);
  bus.debug.release(); // what the page's events do
  assert.deepEqual(tried(net), ["websocket"]);
  await clock.advance(4_000);
  bus.debug.release();
  assert.deepEqual(tried(net), []);
  bus.close();
});

test("F62: a page that is loaded again on the network begins with what worked; storage that throws, or holds rubbish, is no problem", async () => {
  const kept = new Map<string, string>();
  let loads = 0;
  const page = globalThis as Record<string, unknown>;
  const load = async (): Promise<string> => {
    const { bus, net, clock } = handBus();
    clock.sleep(++loads * 1_000);
    net.dead.add("websocket");
    bus.subscribe("a", () => {});
    await settle();
    const first = net.last.name;
    await clock.advance(600);
    net.last.accept();
    bus.close();
    return first;
  };
  try {
    page.localStorage = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v) };
    assert.deepEqual([await load(), await load()], ["websocket", "sse"]);
    assert.equal(kept.size, 1);
    for (const rubbish of ["", "{", "5", "null", "[]", '["x"]', '{"0":1}']) {
      kept.forEach((_, k) => kept.set(k, rubbish));
      assert.equal(await load(), "websocket", rubbish);
    }
    page.localStorage = new Proxy({}, { get: () => assert.fail("denied") });
    assert.equal(await load(), "websocket");
  } finally {
    delete page.localStorage;
  }
});

test("refused by a word that a browser hides: it is asked for over plain HTTP, and is final", async () => {
  const asked: string[] = [];
  const error = { code: "origin_forbidden", message: "pages of this origin may not connect", hint: "Add it.", retry: false };
  const fetch = (async (url: string) => (asked.push(url), new Response(JSON.stringify({ error }), { status: 403 }))) as unknown as typeof globalThis.fetch;
  const { bus, net } = handBus({ transports: ["websocket"], fetch });
  bus.subscribe("a", () => {});
  await settle();
  net.last.lost();
  await settle();
  assert.deepEqual([asked, bus.status.state, bus.status.error?.code], [["/bus"], "closed", "origin_forbidden"]);
});

test("a server that is there but takes no WebSocket is no refusal: it goes on trying", async () => {
  const fetch = (async () => new Response('{"version":1}')) as unknown as typeof globalThis.fetch;
  const { bus, net, clock } = handBus({ transports: ["websocket"], fetch });
  bus.subscribe("a", () => {});
  await settle();
  net.last.lost();
  await settle();
  assert.equal(bus.status.state, "waiting");
  await clock.advance(1_000);
  assert.equal(net.links.length, 2);
});

test("server down is not path blocked: after an outage the order is as it was", async () => {
  const { bus, net, clock } = await connected();
  net.last.lost();
  for (let i = 0; i < 5; i++) {
    await clock.advance(20_000);
    tried(net);
    net.transports.websocket = net.transports.sse = net.transports.poll = () => {
      throw new Error("refused");
    };
  }
  assert.equal(bus.status.state, "waiting");
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

/**
 * Fails every attempt for `ms`, with the longest waits that chance can give. Gives each wait and when it began, from
 * now.
 */
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
  hand.net.last.receive({ type: "subscribed", id: 1, channel: "a", epoch: "e", offset: 0, tag: "", recovered: false });
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
  net.dead.add("websocket").add("sse").add("poll"); // no other link gets through
  const [link] = net.links as [FakeLink];
  await clock.advance(24_999);
  assert.deepEqual(link.flush(), []);
  await clock.advance(1);
  assert.deepEqual(link.flush(), [{ type: "ping", received: 1 }]);
  link.receive({ type: "pong" });
  await clock.advance(12_000);
  bus.subscribe("b", () => {});
  link.receive({ type: "subscribed", id: 2, channel: "b", epoch: "e", offset: 0, tag: "", recovered: false });
  await clock.advance(24_999);
  assert.deepEqual(link.flush().map((f) => f.type), ["subscribe"], "what is sent and answered counts as a ping");
  await clock.advance(1);
  assert.equal(link.flush()[0]?.type, "ping");
  await clock.advance(9_999);
  assert.equal(bus.status.state, "connected");
  await clock.advance(1);
  assert.equal(link.closed, true);
  assert.equal(bus.status.state, "connecting", "candidates that were started beside it are still at it");
  await clock.advance(3_000);
  assert.equal(bus.status.state, "waiting");
});

test("heartbeat: a line that takes everything and brings nothing is found out, however much is sent", async () => {
  const { bus, net, clock } = await connected();
  net.dead.add("websocket").add("sse").add("poll");
  for (let i = 0; i < 12; i++) {
    bus.publish("a", i).catch(() => {});
    await clock.advance(1_000);
  }
  assert.equal(bus.status.state, "connected");
  assert.equal(net.links[0]?.flush().filter((f) => f.type === "ping").length, 4, "one each 3 s in which no publish was answered");
  await clock.advance(1_000);
  assert.equal(bus.status.state, "waiting", "10 s after the first ping, whatever was sent since");
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

/** Waits for the next link, and accepts it. */
async function back({ net, clock }: ReturnType<typeof handBus>) {
  const { length } = net.links;
  while (net.links.length === length) await clock.advance(10);
  net.last.accept({ resumed: true, generation: 2 });
  net.last.flush();
}

test("F21: links that are cut twice after the same silence teach the heartbeat to ping within it", async () => {
  const hand = await connected({ transports: ["websocket"], random: () => 0.5 });
  const { bus, net, clock } = hand;
  net.onFrames = (link, frames) => frames.some((f) => f.type === "ping") && link.receive({ type: "pong" });
  for (const silence of [5_000, 5_100]) {
    await clock.advance(silence);
    assert.deepEqual(net.last.flush().filter((f) => f.type === "ping"), [], "25 s is what the server says");
    net.last.lost();
    await back(hand);
  }
  await clock.advance(2_999);
  assert.deepEqual(net.last.flush(), []);
  await clock.advance(1);
  assert.deepEqual(net.last.flush().map((f) => f.type), ["ping"], "0.6 of the silence");
  await clock.advance(60_000);
  assert.ok(net.last.flush().length >= 18, "and goes on");
  bus.close();
});

test("F21: cuts after different silences, short ones, or without an answer to a ping teach nothing", async () => {
  for (const [first, second, deadFirst] of [[5_000, 9_000, false], [1_500, 1_500, false], [0, 5_000, true]] as const) {
    const hand = await connected({ transports: ["websocket"], random: () => 0.5 });
    const { bus, net, clock } = hand;
    if (deadFirst) await clock.advance(35_000); // a ping without an answer
    else {
      await clock.advance(first);
      net.last.lost();
    }
    await back(hand);
    await clock.advance(second);
    net.last.lost();
    await back(hand);
    await clock.advance(24_000);
    assert.deepEqual(net.last.flush(), [], `${first} and ${second}`);
    bus.close();
  }
});

test("a transport that connects, and does not last, after a climb too: back at once, and tried more and more rarely", async () => {
  const { bus, net, clock } = servedBus();
  net.dead.add("poll");
  bus.subscribe("a", () => {});
  await settle();
  let websockets = 0;
  for (let s = 0; s < 1_800; s++) {
    await clock.advance(1_000);
    for (const link of net.links) {
      if (link.name !== "websocket" || link.closed) continue;
      websockets++;
      link.lost(); // each lives for a second at most
    }
    net.links.splice(0, net.links.length - 3);
  }
  assert.ok(websockets >= 5 && websockets < 20, `${websockets} in half an hour`);
  assert.deepEqual([bus.status.transport, bus.status.fallback], ["sse", "unstable"]);
  bus.close();
});

test("F58: after sleep the link has 2 s to prove that it lives", async () => {
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
  assert.equal(bus.status.state, "connected", "it is on its way");
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
  const { bus, net } = await connected();
  bus.use(["sse"]);
  await settle();
  net.last.lost();
  net.links[0]?.receive(goodbye("superseded", false));
  assert.equal(bus.status.state, "connecting", "at once: the server is there");
  await settle();
  assert.equal(net.last.sent[0]?.session, "s1");
});

for (const name of ["sse", "poll"] as const) {
  test(`a connect over ${name} that a box on the way sent twice: its second copy is answered superseded, and the client connects again`, async () => {
    const { bus, net, clock } = await connected({ transports: [name] });
    net.last.lost();
    await clock.advance(1_000);
    assert.equal(net.last.sent[0]?.session, "s1");
    const before = net.links.length;
    net.last.lost({ code: "superseded", retry: false });
    assert.notEqual(bus.status.state, "closed", "nobody else took over");
    await clock.advance(3_000);
    assert.ok(net.links.length > before, "it tries again");
    net.last.accept({ resumed: true, generation: 3 });
    assert.deepEqual([bus.status.state, bus.status.transport, net.last.sent[0]?.session], ["connected", name, "s1"]);
  });
}

test("moves from one transport to another are no interruption: after a minute of them a cut is short", async () => {
  const { bus, net, clock } = servedBus({ random: () => 0.999 });
  bus.subscribe("a", () => {});
  for (let i = 0; i < 12; i++) {
    await clock.advance(5_000);
    bus.use([(["sse", "poll", "websocket"] as const)[i % 3] as "sse"]);
  }
  await clock.advance(5_000);
  net.links.at(-1)?.lost();
  assert.equal(bus.status.state, "waiting");
  await clock.advance(200);
  assert.equal(bus.status.state, "connected");
});

test("away and back before the answer came: the link that was given up took the session along, and it is taken back at once", async () => {
  const { bus, net, clock } = await connected({ random: () => 0.999 });
  bus.use(["sse"]);
  await settle();
  assert.equal(net.last.sent[0]?.session, "s1");
  bus.use(["websocket"]); // what still carries the session
  assert.equal(net.last.closed, true);
  net.links[0]?.receive(goodbye("superseded", false));
  await settle();
  assert.deepEqual([bus.status.state, net.last.name, net.last.sent[0]?.session], ["connecting", "websocket", "s1"]);
  net.last.accept({ resumed: true, generation: 3 });
  assert.equal(bus.status.state, "connected");
  bus.close();
  assert.equal(clock.pending, 0);
});

test("cut while the session moves, and its old link is over: it comes back", async () => {
  const { bus, net, clock } = await connected();
  bus.use(["sse"]);
  await settle();
  net.links[0]?.receive(goodbye("superseded", false));
  bus.debug.cut();
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
  assert.deepEqual(net.last.sent, [{ type: "connect", version: 1, session: "s1", received: 1, generation: 1, attempt: 1 }]);
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

test("F63: getToken is asked before the first connect, and again when the token is over", async () => {
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

test("F92: what a program chose to use is not remembered for buses that use the best", async () => {
  const kept = new Map<string, string>();
  const page = globalThis as Record<string, unknown>;
  page.localStorage = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v) };
  try {
    const chosen = servedBus({ transports: ["poll"] });
    chosen.bus.subscribe("a", () => {});
    await settle();
    assert.equal(chosen.bus.status.transport, "poll");
    const used = servedBus();
    used.bus.use(["sse"]);
    used.bus.subscribe("a", () => {});
    await settle();
    assert.equal(used.bus.status.transport, "sse");
    assert.deepEqual([...kept], []);
    const { bus, net } = servedBus();
    bus.subscribe("a", () => {});
    await settle();
    assert.deepEqual(tried(net), ["websocket"]);
    assert.match([...kept.values()].join(), /websocket/, "that is worth remembering");
  } finally {
    delete page.localStorage;
  }
});

for (const again of [1, 5]) {
  test(`B115: superseded over long-polling, ${again} times: a lost link, and the session goes on`, async () => {
    const { bus, net, clock } = await connected({ transports: ["poll"] });
    net.onFrames = (link, frames) => frames.some((f) => f.type === "ping") && link.receive({ type: "pong" });
    for (let n = 1; n <= again; n++) {
      await clock.advance(120_000 * (n - 1));
      net.last.lost({ code: "superseded", message: "a newer request took over", retry: false });
      assert.equal(bus.status.state, "waiting");
      await clock.advance(1_000);
      const connect = net.last.flush().find((f) => f.type === "connect");
      assert.deepEqual([connect?.session, connect?.attempt], ["s1", n]);
      net.last.accept({ resumed: true, generation: n + 1 });
      assert.equal(bus.status.state, "connected");
    }
    bus.close();
  });
}

test("F87: a message that stays away over one transport: that one is left, and the waits grow where none is better", async () => {
  // A path that drops one message, of id "big", over WebSocket.
  for (const everywhere of [false, true]) {
    const { bus, server, net, clock } = servedBus({ random: () => 0.999 });
    const got: unknown[] = [];
    bus.subscribe("a", (n) => got.push(n), { onGap: () => got.push("gap") });
    await settle();
    const { onFrames } = net;
    const subscribes: number[] = [];
    net.onFrames = (link, frames) => {
      for (const f of frames) if (f.type === "subscribe") subscribes.push(clock.now());
      const { receive } = link;
      link.receive = (...out) => receive.apply(link, out.filter((f) => !(everywhere || link.name === "websocket") || (f as { data?: unknown }).data !== 3));
      onFrames(link, frames);
    };
    net.links[0]!.receive = ((own) => (...out: object[]) => own.apply(net.links[0]!, out.filter((f) => (f as { data?: unknown }).data !== 3)))(net.links[0]!.receive);
    for (let n = 1; n <= 600; n++) {
      server.publish("a", n);
      await clock.advance(50);
    }
    await clock.advance(20_000);
    if (everywhere) {
      assert.deepEqual([got, bus.status.state], [[1, 2], "connected"]);
      assert.ok(subscribes.length <= 20, `${subscribes.length} subscribes in 50 s`);
      const waits = subscribes.slice(-3).map((at, i, all) => at - (all[i - 1] ?? at));
      assert.ok(Math.max(...waits) >= 8_000, `${waits}`);
    } else {
      assert.deepEqual(got, Array.from({ length: 600 }, (_, i) => i + 1));
      assert.deepEqual([bus.status.transport, bus.status.fallback], ["sse", "unstable"]);
      assert.ok(subscribes.length <= 4, `${subscribes.length} subscribes`);
    }
    bus.close();
    assert.equal(clock.pending, 0);
  }
});

test("F88: answers that are cut on their way: shorter ones are asked for, and the waits grow until something arrives", async () => {
  const { bus, net, clock } = handBus({ transports: ["poll"], random: () => 0 });
  bus.subscribe("a", () => {});
  await settle();
  const asked: unknown[] = [];
  const at: number[] = [];
  for (let n = 0; n < 8; n++) {
    const { length } = net.links;
    asked.push(net.last.flush()[0]?.max);
    at.push(clock.now());
    net.last.lost(); // in the middle of its answer
    while (net.links.length === length) await clock.advance(50);
  }
  assert.deepEqual(asked, [undefined, 16_384, 4_096, 1_024, 1_024, 1_024, 1_024, 1_024]);
  const waits = at.slice(1).map((t, i) => t - at[i]!);
  assert.ok(waits.slice(2).every((ms, i) => ms > waits[i + 1]! || ms >= 10_000), `${waits}`);
  net.last.accept();
  const { id } = net.last.flush().find((f) => f.type === "subscribe")!;
  net.last.receive({ type: "subscribed", id, channel: "a", epoch: "e", offset: 0, tag: "", recovered: false });
  net.last.receive({ type: "message", channel: "a", offset: 1, id: "m1", tag: "t1", data: 1, time: 0 });
  assert.equal(net.last.context.max, 1_024, "the polls of this link ask for the same");
  net.last.lost();
  const { length } = net.links;
  await clock.advance(200);
  assert.ok(net.links.length > length, "something arrived: no long wait any more");
  bus.close();
});

test("F88: a network that cuts each connection after some messages: the wait does not grow with the time since a good one", async () => {
  const { bus, net, clock, server } = servedBus({ transports: ["websocket"], random: () => 1 });
  const heard: unknown[] = [];
  bus.subscribe("a", (n) => heard.push(n));
  await settle();
  for (let n = 1; n <= 20; n++) {
    await clock.advance(2_000);
    server.publish("a", n);
    await settle();
    assert.equal(heard.length, n);
    const { length } = net.links;
    const at = clock.now();
    net.last.lost();
    while (net.links.length === length) await clock.advance(50);
    assert.ok(clock.now() - at <= 250, `connection ${n}: the next after ${clock.now() - at} ms`);
    await settle();
  }
  bus.close();
});

test("B131: a url at which something else answers: it says so once, and is asked more rarely", async () => {
  for (const [status, body, type] of [[404, "<html>Cannot GET /bus</html>", "text/html"], [200, "<!doctype html><div id=root>", "text/html"], [404, '{"error":{"code":"not_found","message":"no such path","hint":"","retry":false}}', "application/json"]] as const) {
    let fetched = 0;
    const fetch = async (): Promise<Response> => (fetched++, new Response(body, { status, headers: { "Content-Type": type } }));
    const { bus, net, clock } = handBus({ fetch: fetch as never });
    const { warn } = await captured(async () => {
      bus.subscribe("a", () => {});
      for (let n = 0; n < 600; n++) {
        await clock.advance(100);
        for (const link of net.links) link.lost(); // each way is answered so
      }
    });
    assert.equal(bus.status.state === "closed", false);
    assert.equal(bus.status.error?.code, type === "text/html" ? "foreign_answer" : "not_found");
    assert.ok(bus.status.error?.hint, "a hint");
    if (type === "text/html") assert.match(bus.status.error!.message, new RegExp(`\\(${status} text/html\\) answers, but not as Tidings`));
    assert.ok(net.links.length + fetched <= 32, `${net.links.length} links and ${fetched} requests in a minute`);
    assert.equal(warn.length, 1, "once");
    bus.close();
  }
});

test("B130: a bus that is closed for good says why, on the console once and to each onError", async () => {
  const { bus, net, clock } = handBus({ token: "abc" });
  const told: string[] = [];
  bus.subscribe("a", () => {}, { onError: (e) => told.push(`a ${e.code} ${e.hint}`) });
  bus.subscribe("b", () => {});
  bus.subscribe("b", () => {}, { onError: (e) => told.push(`b ${e.code} ${e.hint}`) });
  await settle();
  const { error } = await captured(() => net.last.lost({ code: "unauthorized", message: "the token is not valid", hint: "Sign in.", retry: false }));
  assert.equal(bus.status.state, "closed");
  assert.deepEqual(told, ["a unauthorized Sign in.", "b unauthorized Sign in."]);
  assert.deepEqual(error.map(([text]) => text), ["tidings: closed: the token is not valid Sign in."]);
  assert.equal(clock.pending, 0);
  const own = await captured(() => {
    const other = handBus();
    other.bus.subscribe("a", () => {}, { onError: () => assert.fail("it was closed by the program") });
    other.bus.close();
  });
  assert.deepEqual(own.error, []);
});

test("F66: twenty-one refused subscriptions and a hundred refused requests: each is told, and what is allowed goes on", async () => {
  const { bus, net } = await connected();
  const told: string[] = [];
  const got: unknown[] = [];
  net.onFrames = (link, frames) => queueMicrotask(() => frames.forEach((f) => f.id && link.receive({ type: "error", id: f.id, code: "forbidden", message: "no", hint: "Ask for less.", retry: false })));
  for (let n = 0; n < 21; n++) bus.subscribe(`no/${n}`, () => got.push(n), { onError: (e) => told.push(e.code) });
  const asked = await Promise.allSettled(Array.from({ length: 100 }, (_, n) => (n % 2 ? bus.history("no") : bus.publish("no", n))));
  assert.deepEqual(told, Array.from({ length: 21 }, () => "forbidden"));
  assert.ok(asked.every((r) => r.status === "rejected" && r.reason.code === "forbidden"));
  net.last.receive({ type: "message", channel: "a", offset: 1, id: "m1", tag: "t1", data: 1, time: 0 });
  assert.equal(bus.status.state, "connected");
  bus.close();
});
