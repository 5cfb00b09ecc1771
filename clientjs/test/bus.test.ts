import assert from "node:assert/strict";
import { test } from "node:test";
import { TidingsError } from "../src/core/errors.js";
import { sharedMessageBus } from "../src/bus/shared.js";
import type { Gap, SubscribeOptions } from "../src/types.js";
import { captured, handBus, servedBus } from "./helpers/bus.js";
import { settle } from "./helpers/clock.js";

const types = (frames: { type: string; channel?: string }[]): string[] => frames.map((f) => [f.type, f.channel].filter(Boolean).join(" "));
const rejects = (promise: Promise<unknown>, code: string): Promise<void> =>
  assert.rejects(promise, (e) => e instanceof TidingsError && e.code === code && e.message !== "");

test("nothing is opened before the first use", async () => {
  const { bus, net, clock } = handBus();
  bus.onStatus(() => {});
  bus.debug.cut();
  await clock.advance(60_000);
  assert.equal(net.links.length, 0);
  assert.deepEqual(bus.status, { state: "idle", transport: null, error: null });
});

test("payloads arrive as they were published", async () => {
  const { bus, server } = servedBus();
  const got: unknown[] = [];
  bus.subscribe("a", (payload, channel, message) => got.push([payload, channel, message.offset]));
  await settle();
  const payloads = ["text", "", 7, null, true, [1], { a: { b: "c" } }, '{"a":1}'];
  for (const p of payloads) server.publish("a", p);
  assert.deepEqual(got, payloads.map((p, i) => [p, "a", i + 1]));
});

test("the whole message is its own position", async () => {
  const { bus, server } = servedBus();
  const got: unknown[] = [];
  bus.subscribe("a", (_, __, message) => got.push(message));
  await settle();
  const { epoch, tag, id } = server.publish("a", 1);
  assert.deepEqual(got, [{ channel: "a", data: 1, epoch, offset: 1, tag, id, time: 0 }]);
});

test("many callbacks of one channel are one subscription", async () => {
  const { bus, server, net } = servedBus();
  const got: string[] = [];
  const leave = ["x", "y", "z"].map((name) => bus.subscribe("a", (p) => got.push(name + p)));
  await settle();
  server.publish("a", 1);
  leave[1]?.();
  leave[1]?.();
  server.publish("a", 2);
  leave[0]?.();
  leave[2]?.();
  await settle();
  assert.deepEqual(got, ["x1", "y1", "z1", "x2", "z2"]);
  assert.deepEqual(types(net.last.flush()), ["connect", "subscribe a", "unsubscribe a"]);
  server.publish("a", 3);
  assert.equal(got.length, 5);
});

test("left and joined again in one turn sends nothing twice", async () => {
  const { bus, net } = servedBus();
  bus.subscribe("a", () => {})();
  bus.subscribe("a", () => {});
  await settle();
  bus.subscribe("b", () => {})();
  const leave = bus.subscribe("b", () => {});
  await settle();
  assert.deepEqual(types(net.last.flush()), ["connect", "subscribe a", "subscribe b"]);
  leave();
  await settle();
  bus.subscribe("b", () => {});
  assert.deepEqual(types(net.last.flush()), ["unsubscribe b", "subscribe b"]);
});

test("a late joiner hears what comes next, and not the message that made it join", async () => {
  const { bus, server } = servedBus();
  const got: string[] = [];
  bus.subscribe("a", (p) => {
    got.push(`x${p}`);
    if (p === 1) bus.subscribe("a", (q) => got.push(`y${q}`), { onSubscribed: ({ offset }) => got.push(`live ${offset}`) });
  });
  await settle();
  server.publish("a", 1);
  await settle();
  server.publish("a", 2);
  assert.deepEqual(got, ["x1", "live 1", "x2", "y2"]);
});

test("a callback that leaves within a message is not called for it any more", async () => {
  const { bus, server } = servedBus();
  const got: string[] = [];
  bus.subscribe("a", () => leave());
  const leave = bus.subscribe("a", (p) => got.push(`x${p}`));
  await settle();
  server.publish("a", 1);
  assert.deepEqual(got, []);
});

test("since starts behind a position; a late joiner with a since is told the gap", async () => {
  const { bus, server } = servedBus();
  const first = server.publish("a", 1);
  server.publish("a", 2);
  const got: unknown[] = [];
  const since = { epoch: first.epoch, offset: 1, tag: first.tag };
  bus.subscribe("a", (p) => got.push(p), { since });
  await settle();
  bus.subscribe("a", (p) => got.push(`late ${p}`), { since, onGap: (g) => got.push([g.reason, g.last?.offset, g.from.offset]) });
  bus.subscribe("a", () => {}, { since: { epoch: first.epoch, offset: 2, tag: "t2" }, onGap: () => got.push("false gap") });
  await settle();
  server.publish("a", 3);
  assert.deepEqual(got, [2, ["unrecovered", 1, 2], 3, "late 3"]);
});

test("a callback that throws breaks no other, and is reported", async () => {
  const { bus, server } = servedBus();
  const got: unknown[] = [];
  bus.subscribe("a", () => {
    throw new Error("boom");
  });
  bus.subscribe("a", (p) => got.push(p));
  await settle();
  const { error } = await captured(() => [server.publish("a", 1), server.publish("a", 2)]);
  assert.deepEqual(got, [1, 2]);
  assert.equal(error.length, 2);
  assert.match(String(error[0]?.[0]), /boom/);
});

test("a gap: the callback's own handler, else the bus's, else one warning", async () => {
  const gaps: string[] = [];
  const note = (who: string) => (g: Gap) => void gaps.push(`${who} ${g.channel} ${g.reason} ${g.last?.offset} ${g.from.offset}`);
  for (const [onGap, want] of [[note("bus"), 0], [undefined, 1]] as const) {
    const { bus, server, clock } = servedBus(onGap ? { onGap } : {});
    bus.subscribe("a", () => {}, { onGap: note("own") });
    bus.subscribe("a", () => {});
    bus.subscribe("a", () => {});
    await settle();
    server.publish("a", 1);
    bus.debug.hold();
    server.forget();
    server.wipe("a");
    const { warn } = await captured(async () => {
      bus.debug.release();
      await clock.advance(1000);
    });
    assert.equal(warn.length, want);
  }
  assert.deepEqual(gaps, ["own a epoch_changed 1 0", "bus a epoch_changed 1 0", "own a epoch_changed 1 0"]);
});

test("publish resolves to its position, waits for a connection, and has one effect when it is repeated", async () => {
  const { bus, server, net, clock } = servedBus();
  const got: unknown[] = [];
  bus.subscribe("a", (p) => got.push(p));
  await settle();
  server.swallow = (f) => (f as { type: string }).type === "reply";
  const published = bus.publish("a", { n: 1 }, { event: "e", spread: 5000, meta: { by: "me" } });
  bus.debug.cut();
  server.swallow = () => false;
  await clock.advance(1000);
  const { epoch } = server.channel("a");
  assert.deepEqual(await published, { epoch, offset: 1, tag: "t1" });
  assert.deepEqual(got, [{ n: 1 }]);
  const sent = net.links.flatMap((l) => l.sent).filter((f) => f.type === "publish");
  assert.equal(sent.length, 2);
  assert.equal(sent[0]?.idempotencyKey, sent[1]?.idempotencyKey);
  assert.notEqual(sent[0]?.id, sent[1]?.id);
  assert.deepEqual([sent[0]?.event, sent[0]?.spread, sent[0]?.meta], ["e", 5000, { by: "me" }]);
});

test("publish sends what data was at the call", async () => {
  const { bus, server } = servedBus();
  const data = { n: 1 };
  const published = bus.publish("a", data, { idempotencyKey: "k" });
  data.n = 2;
  await published;
  assert.deepEqual(server.channel("a").history[0]?.data, { n: 1 });
});

test("each publish has its own key unless one is given", async () => {
  const { bus, net } = servedBus();
  await Promise.all([bus.publish("a", 1), bus.publish("a", 1), bus.publish("a", 1, { idempotencyKey: "mine" })]);
  const keys = net.last.sent.filter((f) => f.type === "publish").map((f) => f.idempotencyKey as string);
  assert.equal(new Set(keys).size, 3);
  assert.equal(keys[2], "mine");
  assert.ok(keys.every((k) => k.length <= 128));
});

test("publish refuses what cannot be sent, before it is sent", async () => {
  const { bus, net } = servedBus();
  const loop: { self?: unknown } = {};
  loop.self = loop;
  await assert.rejects(bus.publish("a", undefined), SyntaxError);
  await assert.rejects(bus.publish("a", () => {}), SyntaxError);
  await assert.rejects(bus.publish("a", loop), TypeError);
  await rejects(bus.publish("a", "x".repeat(65_536)), "too_large");
  await rejects(bus.publish("a", "\u20AC".repeat(22_000)), "too_large");
  for (const channel of ["", "/a", "a b", "a/../b", "x".repeat(201)]) await rejects(bus.publish(channel, 1), "bad_channel");
  assert.equal(net.links.length, 0);
  await bus.publish("a", "x".repeat(64_000));
});

test("a publish without an answer is a timeout, and is not sent again", async () => {
  const { bus, net, clock } = handBus({ timeout: 5_000 });
  const refused = rejects(bus.publish("a", 1), "timeout");
  await clock.advance(5_000);
  await refused;
  net.last.accept();
  assert.deepEqual(types(net.last.sent), ["connect"]);
});

test("history", async () => {
  const { bus, net, clock } = handBus();
  const since = { epoch: "e", offset: 1, tag: "t1", more: "than that" };
  const answer = bus.history("a", { since, limit: 5 });
  await clock.advance(0);
  net.last.accept();
  assert.deepEqual(net.last.sent.at(-1), { type: "history", id: 1, channel: "a", since: { epoch: "e", offset: 1, tag: "t1" }, limit: 5 });
  const messages = [{ channel: "a", epoch: "e", offset: 2, tag: "t2", id: "m2", time: 1, data: "x" }];
  net.last.receive({ type: "reply", id: 1, messages, epoch: "e", offset: 2, tag: "t2", complete: true });
  assert.deepEqual(await answer, { messages, position: { epoch: "e", offset: 2, tag: "t2" }, complete: true });
  const refused = rejects(bus.history("a"), "forbidden");
  net.last.receive({ type: "error", id: 2, code: "forbidden", message: "no", hint: "ask", retry: false });
  await refused;
});

test("a refused subscription is told once, and a new one asks again", async () => {
  const { bus, net, clock } = handBus();
  const errors: string[] = [];
  bus.subscribe("a", () => {}, { onError: (e) => errors.push(`${e.code}: ${e.message} ${e.hint}`) });
  bus.subscribe("a", () => {});
  await clock.advance(0);
  net.last.accept();
  const refuse = (id: number) => net.last.receive({ type: "error", id, code: "forbidden", message: "not yours", hint: "sign in", retry: false });
  const { error } = await captured(() => refuse(1));
  assert.deepEqual(errors, ["forbidden: not yours sign in"]);
  assert.equal(error.length, 1, "the one without onError");
  bus.subscribe("a", () => {});
  assert.deepEqual(net.last.sent.at(-1), { type: "subscribe", id: 2, channel: "a" });
});

test("a subscription that is refused for the moment is tried again, later and later", async () => {
  const { bus, net, clock } = handBus();
  const live: number[] = [];
  bus.subscribe("a", () => {}, { onSubscribed: ({ offset }) => live.push(offset) });
  await clock.advance(0);
  net.last.accept();
  for (const [id, wait] of [[1, 200], [2, 400], [3, 800]] as const) {
    net.last.receive({ type: "error", id, code: "rate_limited", message: "", hint: "", retry: true });
    await clock.advance(wait - 1);
    assert.equal(net.last.sent.at(-1)?.id, id, `not before ${wait} ms`);
    await clock.advance(1);
    assert.equal(net.last.sent.at(-1)?.id, id + 1);
  }
  net.last.receive({ type: "subscribed", id: 4, channel: "a", epoch: "e", offset: 3, tag: "t", recovered: false });
  assert.deepEqual(live, [3]);
});

/** A bus that is live in `a` at 3, and what a listener hears there. */
async function heardUntilForbidden(options = {}) {
  const hand = handBus(options);
  const { bus, net, clock } = hand;
  const log: string[] = [];
  const hear = () =>
    bus.subscribe("a", (p) => log.push(`message ${p}`), {
      onError: (e) => log.push(e.code),
      onSubscribed: ({ offset }) => log.push(`live ${offset}`),
      onGap: ({ reason }) => log.push(`gap ${reason}`),
    });
  const leave = hear();
  await clock.advance(0);
  net.last.accept();
  net.last.receive({ type: "subscribed", id: 1, channel: "a", epoch: "e", offset: 3, tag: "t", recovered: false });
  net.last.receive({ type: "unsubscribed", channel: "a", code: "forbidden", message: "the rules changed", hint: "ask" });
  const subscribes = () => net.links.flatMap((l) => l.sent).filter((f) => f.type === "subscribe");
  return { ...hand, log, hear, leave, subscribes };
}

test("B133: what rules ended is asked for again, more and more rarely, up to each 5 minutes, and told once", async () => {
  for (const [chance, share] of [[0, 0.5], [0.5, 0.75], [1, 1]] as const) {
    const { net, clock, log, subscribes } = await heardUntilForbidden({ random: () => chance });
    net.onFrames = (link, frames) => {
      for (const { type, id } of frames) {
        if (type === "ping") link.receive({ type: "pong" });
        if (type === "subscribe") queueMicrotask(() => link.receive({ type: "error", id, code: "forbidden", message: "still", hint: "ask", retry: false }));
      }
    };
    for (const [i, seconds] of [30, 60, 120, 240, 300, 300, 300].entries()) {
      await clock.advance(seconds * share * 1000 - 1);
      assert.equal(subscribes().length, i + 1, `try ${i + 1} comes not before ${seconds * share} s, if chance says ${chance}`);
      await clock.advance(1);
      assert.equal(subscribes().length, i + 2, `try ${i + 1} comes after ${seconds * share} s, if chance says ${chance}`);
    }
    assert.deepEqual(log, ["live 3", "forbidden"]);
    assert.equal(net.links.length, 1);
  }
});

test("B133: what rules ended and allow again goes on where it was, for those who came meanwhile too", async () => {
  const { net, clock, log, hear, subscribes } = await heardUntilForbidden();
  hear();
  await clock.advance(22_500);
  assert.deepEqual(log, ["live 3", "forbidden", "forbidden"]);
  const { id, since } = subscribes().at(-1)!;
  assert.deepEqual(since, { epoch: "e", offset: 3, tag: "t" });
  net.last.receive({ type: "subscribed", id, channel: "a", epoch: "e", offset: 3, tag: "t", recovered: true });
  net.last.receive({ type: "message", channel: "a", offset: 4, tag: "u", id: "m", time: 0, data: "x" });
  assert.deepEqual(log.slice(3), ["live 3", "live 3", "message x", "message x"]);
  await clock.advance(600_000);
  assert.equal(subscribes().length, 2);
});

test("B133: who leaves what rules ended, or closes the bus, is asked for no more", async () => {
  for (const end of ["leave", "close"] as const) {
    const { bus, clock, leave, log, subscribes } = await heardUntilForbidden();
    if (end === "leave") leave();
    else bus.close();
    await clock.advance(end === "close" ? 0 : 600_000);
    assert.equal(subscribes().length, 1);
    assert.deepEqual(log.slice(2), []);
    if (end === "close") assert.equal(clock.pending, 0, "no timer is left");
  }
});

test("B133: who leaves what rules ended and comes back in one turn asks anew", async () => {
  const { clock, leave, hear, log, subscribes } = await heardUntilForbidden();
  leave();
  hear();
  await clock.advance(0);
  assert.deepEqual(subscribes().map(({ since }) => since), [undefined, undefined]);
  assert.deepEqual(log, ["live 3", "forbidden"]);
});

test("a bad channel is told and sends nothing", async () => {
  const { bus, net } = servedBus();
  const errors: string[] = [];
  bus.subscribe("a//b", () => {}, { onError: (e) => errors.push(e.code) })();
  await settle();
  assert.deepEqual(errors, ["bad_channel"]);
  assert.equal(net.links.length, 0);
});

test("channels named like what every object has", async () => {
  const { bus, server } = servedBus();
  const got: unknown[] = [];
  for (const name of ["__proto__", "constructor", "hasOwnProperty"]) bus.subscribe(name, (p, channel) => got.push([p, channel]));
  await settle();
  server.publish("__proto__", 1);
  server.publish("constructor", 2);
  assert.deepEqual(got, [[1, "__proto__"], [2, "constructor"]]);
});

test("close says goodbye, rejects what waits, and stays closed", async () => {
  const { bus, server, net, clock } = servedBus();
  const seen: string[] = [];
  const got: unknown[] = [];
  bus.onStatus((s) => seen.push(s.state));
  bus.subscribe("a", (p) => got.push(p));
  await settle();
  server.swallow = () => true;
  const refused = rejects(bus.publish("a", 1), "closed");
  bus.close();
  bus.close();
  await refused;
  await settle();
  assert.equal(net.last.sent.at(-1)?.type, "disconnect");
  assert.equal(net.last.closed, true);
  assert.equal(server.sessions.size, 0);
  await rejects(bus.publish("a", 1), "closed");
  const errors: string[] = [];
  bus.subscribe("a", () => {}, { onError: (e) => errors.push(e.code) });
  await clock.advance(600_000);
  assert.deepEqual([errors, got], [["closed"], []]);
  assert.deepEqual(seen, ["connecting", "connected", "closed"]);
  assert.equal(net.links.length, 1);
  assert.equal(clock.pending, 0, "no timer is left");
});

test("status: a new object for each change, listeners leave, one that throws breaks no other", async () => {
  const { bus, net } = servedBus();
  const seen: unknown[] = [];
  const before = bus.status;
  assert.equal(bus.status, before);
  bus.onStatus(() => {
    throw new Error("boom");
  });
  const listener = (s: unknown) => seen.push(s);
  const leave = bus.onStatus(listener);
  bus.onStatus(listener);
  const { error } = await captured(async () => {
    bus.subscribe("a", () => {});
    leave();
    await settle();
  });
  assert.equal(error.length, 2);
  assert.deepEqual(seen, [
    { state: "connecting", transport: null, error: null },
    { state: "connecting", transport: null, error: null },
    { state: "connected", transport: "websocket", error: null },
  ]);
  assert.equal(net.links.length, 1);
});

test("the page's buses: one for each url, a new one after close", () => {
  const bus = sharedMessageBus();
  assert.equal(sharedMessageBus("/bus"), bus);
  assert.notEqual(sharedMessageBus("/other"), bus);
  bus.close();
  assert.notEqual(sharedMessageBus(), bus);
});

test("an error of the server without an id is warned of", async () => {
  const { bus, net } = servedBus();
  bus.subscribe("a", () => {});
  await settle();
  const { warn } = await captured(() => net.last.receive({ type: "error", code: "bad_request", message: "what?", hint: "look", retry: false }));
  assert.match(String(warn[0]?.[0]), /bad_request: what\? look/);
});

test("modules beside the core: requests of their own, and frames that the core leaves alone", async () => {
  const { bus, net } = handBus();
  const heard: string[] = [];
  const leave = bus.onFrame((f) => heard.push(f.type));
  bus.onFrame(() => {
    throw new Error("a module's own trouble");
  });
  const called = bus.request({ type: "call", method: "sum", data: [1, 2] });
  await settle();
  net.last.accept();
  assert.deepEqual(net.last.sent.at(-1), { type: "call", method: "sum", data: [1, 2], id: 1 });
  net.last.lost();
  await settle();
  bus.debug.release();
  await settle();
  net.last.accept({ session: "s2" });
  assert.deepEqual(net.last.sent.at(-1), { type: "call", method: "sum", data: [1, 2], id: 2 }, "asked again until it is answered");
  const { error } = await captured(() => net.last.receive({ type: "joined", channel: "a", members: [] }, { type: "reply", id: 2, data: 3 }));
  assert.equal(error.length, 1);
  assert.equal((await called).data, 3);
  leave();
  await captured(() => net.last.receive({ type: "left", channel: "a", members: [] }));
  assert.deepEqual(heard, ["joined"]);
  bus.close();
  await rejects(bus.request({ type: "call", method: "sum" }), "closed");
});

test("a filter is a subscription of its own; the same one is shared, whatever its scope is called by default", async () => {
  const { bus, net, server } = servedBus();
  const heard: string[] = [];
  const on = (name: string, options: SubscribeOptions) => bus.subscribe<{ n: number }>("a", ({ n }) => heard.push(`${name} ${n}`), options);
  const bern = (): object => ({ equals: { city: "Bern" } });
  on("all", {});
  const leave = on("Bern", { filter: bern() });
  on("Bern again", { filter: bern(), scope: "all" });
  on("nothing", { filter: bern(), scope: "none" });
  await settle();
  server.publish("a", { n: 1, city: "Basel" });
  server.publish("a", { n: 2, city: "Bern" });
  await settle();
  assert.deepEqual(heard, ["all 1", "all 2", "Bern 2", "Bern again 2"]);
  const subscribes = net.last.sent.filter((f) => f.type === "subscribe").map(({ filter, scope }) => [filter, scope]);
  assert.deepEqual(subscribes, [[undefined, undefined], [bern(), undefined], [bern(), "none"]]);
  leave();
  await settle();
  server.publish("a", { n: 3, city: "Bern" });
  await settle();
  assert.deepEqual(heard.slice(4), ["all 3", "Bern again 3"]);
});

test("a filtered subscription goes on from where it was, over a new session, and over what did not match", async () => {
  const { bus, net, server, clock } = servedBus();
  const heard: unknown[] = [];
  bus.subscribe<{ n: number }>("a", ({ n }) => heard.push(n), { filter: { equals: { city: "Bern" } }, onGap: (gap) => heard.push(gap.reason) });
  await settle();
  for (let n = 1; n <= 4; n++) server.publish("a", { n, city: n % 2 ? "Basel" : "Bern" });
  await settle();
  net.last.lost();
  server.forget();
  for (let n = 5; n <= 8; n++) server.publish("a", { n, city: n % 2 ? "Basel" : "Bern" });
  await clock.advance(5_000);
  assert.equal(bus.status.state, "connected");
  assert.deepEqual(heard, [2, 4, 6, 8]);
});
