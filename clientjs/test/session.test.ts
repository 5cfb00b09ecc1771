import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientFrame, Position } from "../src/core/frames.js";
import { createSession, type Session, type SessionPort, type Subscription } from "../src/core/session.js";

const at = (offset: number, epoch = "e"): Position => ({ epoch, offset, tag: offset ? `t${offset}` : "" });
const connected = (fields = {}) => ({ type: "connected" as const, session: "s", resumed: false, generation: 1, ...fields });
const subscribed = (id: number, offset: number, recovered = false, epoch = "e") => ({
  type: "subscribed" as const, id, channel: "a", recovered, ...at(offset, epoch),
});
const message = (offset: number, fields = {}) => ({
  type: "message" as const, channel: "a", offset, id: `m${offset}`, tag: `t${offset}`, data: offset, time: 0, ...fields,
});

/** A session whose port writes down everything that happens. */
function machine() {
  const log: unknown[] = [];
  const sent: ClientFrame[] = [];
  const hooks: { message?: (sub: Subscription) => void } = {};
  const port: SessionPort = {
    send: (link, frames) => {
      sent.push(...JSON.parse(JSON.stringify(frames)));
      log.push([link, ...frames.map((f) => `${f.type} ${f.id ?? ""}`.trim())]);
    },
    message: (sub, m) => {
      log.push(`${sub.channel} ${m.data}`);
      hooks.message?.(sub);
    },
    gap: (sub, g) => log.push(`gap ${sub.channel} ${g.reason} ${g.last?.offset} ${g.from.offset}`),
    subscribed: (sub, recovered) => log.push(`live ${sub.channel} ${recovered}`),
    ended: (sub, e) => log.push(`ended ${sub.channel} ${e.code}`),
    answered: (r, reply, e) => log.push(`answer ${r.frame.type} ${reply ? "ok" : e?.code}`),
    connected: (link, _, resumed) => log.push(`connected ${link} ${resumed}`),
    disconnected: (link, e) => log.push(`disconnected ${link} ${e.code} ${e.retry}`),
    other: (f) => log.push(`other ${f.type}`),
    retryLater: () => log.push("retry later"),
    askLater: (tries) => log.push(`ask later ${tries}`),
  };
  const session = createSession(port);
  return { session, sent, hooks, take: () => log.splice(0) };
}

/** A session that is connected over link 1, with channel `a` live at `offset` under id 1. */
function live(offset = 0) {
  const m = machine();
  m.session.open(1);
  m.session.frame(1, connected());
  const sub = m.session.subscribe("a");
  m.session.frame(1, subscribed(1, offset));
  m.take();
  m.sent.length = 0;
  return { ...m, sub };
}

test("opens, subscribes, hands out", () => {
  const { session, sent, take } = machine();
  session.subscribe("a");
  session.open(1, "secret");
  assert.deepEqual(sent, [{ type: "connect", version: 1, token: "secret" }]);
  session.frame(1, connected());
  session.frame(1, subscribed(1, 3));
  session.frame(1, message(4));
  assert.deepEqual(take(), [[1, "connect"], [1, "subscribe 1"], "connected 1 false", "live a false", "a 4"]);
  assert.equal(session.report(), 2);
});

test("a hole subscribes again from the cursor, and drops until the answer with that id", () => {
  const { session, sent, take, sub } = live(3);
  for (const f of [message(4), message(6), message(7)]) session.frame(1, f);
  assert.deepEqual(sent, [{ type: "subscribe", id: 2, channel: "a", since: at(4) }]);
  session.frame(1, subscribed(1, 9)); // an older answer
  session.frame(1, message(10));
  session.frame(1, subscribed(2, 4, true));
  for (const n of [5, 6, 7]) session.frame(1, message(n));
  assert.deepEqual(take(), ["a 4", [1, "subscribe 2"], "live a true", "a 5", "a 6", "a 7"]);
  assert.deepEqual(sub.cursor.position, at(7));
});

test("a subscribe whose answer is lost on a link that lives is sent again at the third ping, and what is answered is not", () => {
  const { session, take } = live(3);
  session.frame(1, message(5)); // a hole; a path drops what answers it
  session.ping();
  session.ping();
  assert.deepEqual(take(), [[1, "subscribe 2"], [1, "ping"], [1, "ping"]]);
  session.ping();
  assert.deepEqual(take(), [[1, "ping"], [1, "subscribe 3"]]);
  session.frame(1, subscribed(3, 3, true));
  for (const n of [4, 5]) session.frame(1, message(n));
  for (let i = 0; i < 4; i++) session.ping();
  assert.deepEqual(take(), ["live a true", "a 4", "a 5", [1, "ping"], [1, "ping"], [1, "ping"], [1, "ping"]]);
});

test("a recovery that the server refuses with a gap is one gap", () => {
  const { session, take } = live(3);
  session.frame(1, message(5));
  session.frame(1, { type: "gap", id: 2, channel: "a", reason: "history_expired", last: at(3), from: at(9) });
  session.frame(1, subscribed(2, 9));
  session.frame(1, message(10));
  assert.deepEqual(take(), [[1, "subscribe 2"], "gap a history_expired 3 9", "live a false", "a 10"]);
});

test("a recovery that the server refuses without a word is one gap", () => {
  const { session, take } = live(3);
  session.frame(1, message(5));
  session.frame(1, subscribed(2, 9));
  assert.deepEqual(take(), [[1, "subscribe 2"], "gap a unrecovered 3 9", "live a false"]);
});

test("a gap while a newer subscribe waits is the older subscription's business", () => {
  const { session, take } = live(3);
  session.frame(1, message(5));
  session.frame(1, { type: "gap", channel: "a", reason: "feed_lost", from: at(9) });
  session.frame(1, { type: "position", channel: "a", ...at(12) });
  session.frame(1, { type: "unsubscribed", channel: "a", code: "forbidden" });
  session.frame(1, subscribed(2, 3, true));
  session.frame(1, message(4));
  assert.deepEqual(take(), [[1, "subscribe 2"], "other unsubscribed", "live a true", "a 4"]);
});

test("the connection lost between a gap and its subscribed: one gap, and on from where the gap said", () => {
  const { session, sent, take } = live(3);
  session.frame(1, message(5));
  session.frame(1, { type: "gap", id: 2, channel: "a", reason: "history_expired", last: at(3), from: at(9) });
  session.lost(1);
  session.open(2);
  session.frame(2, connected({ session: "s2" }));
  session.frame(2, subscribed(3, 9, true));
  assert.deepEqual(sent.at(-1), { type: "subscribe", id: 3, channel: "a", since: at(9) });
  assert.deepEqual(take().filter((l) => String(l).startsWith("gap")), ["gap a history_expired 3 9"]);
});

test("a gap of a live subscription moves the cursor", () => {
  const { session, take, sub } = live(3);
  session.frame(1, { type: "gap", channel: "a", reason: "feed_lost", from: at(9) });
  session.frame(1, message(10));
  assert.deepEqual(take(), ["gap a feed_lost 3 9", "a 10"]);
  assert.deepEqual(sub.cursor.position, at(10));
});

test("position moves a filtered cursor; of another epoch it subscribes again", () => {
  const { session, take } = live(3);
  session.frame(1, { type: "position", channel: "a", ...at(70) });
  session.frame(1, message(72, { prev: 70 }));
  session.frame(1, { type: "position", channel: "a", ...at(99, "f") });
  assert.deepEqual(take(), ["a 72", [1, "subscribe 2"]]);
});

test("resumed: what is live stays, what has no answer is asked again under new ids", () => {
  const { session, sent, take } = live(3);
  session.request({ type: "publish", channel: "a", data: 1, idempotencyKey: "k" });
  const b = session.subscribe("b");
  const c = session.subscribe("c");
  session.unsubscribe(c);
  session.lost(1);
  session.open(2);
  assert.deepEqual(sent.at(-1), { type: "connect", version: 1, session: "s", received: 1, generation: 1, attempt: 1 });
  sent.length = 0;
  session.frame(2, connected({ resumed: true, generation: 2 }));
  assert.deepEqual(sent, [
    { type: "unsubscribe", id: 6, channel: "c" },
    { type: "subscribe", id: 7, channel: "b" },
    { type: "publish", id: 8, channel: "a", data: 1, idempotencyKey: "k" },
  ]);
  take();
  session.frame(2, { type: "reply", id: 2 }); // the old id
  session.frame(2, { ...subscribed(3, 0), channel: "b" }); // the old id
  assert.deepEqual(take(), []);
  session.frame(2, { type: "reply", id: 8 });
  session.frame(2, { ...subscribed(7, 0), channel: "b" });
  session.frame(2, message(4));
  assert.deepEqual(take(), ["answer publish ok", "live b false", "a 4"]);
  assert.equal(b.live, true);
});

test("not resumed: everything is subscribed from its cursor, and asked again; unsubscribes have no meaning any more", () => {
  const { session, sent } = live(3);
  session.unsubscribe(session.subscribe("b"));
  session.request({ type: "history", channel: "a" });
  session.subscribe("c");
  session.lost(1);
  session.open(2);
  sent.length = 0;
  session.frame(2, connected({ session: "s2" }));
  assert.deepEqual(sent, [
    { type: "subscribe", id: 6, channel: "a", since: at(3) },
    { type: "subscribe", id: 7, channel: "c" },
    { type: "history", id: 8, channel: "a" },
  ]);
  assert.equal(session.report(), 0);
});

test("a resumed session of another name is a new one", () => {
  const { session, sent } = live(3);
  session.lost(1);
  session.open(2);
  session.frame(2, connected({ session: "other", resumed: true, generation: 2 }));
  assert.deepEqual(sent.at(-1), { type: "subscribe", id: 2, channel: "a", since: at(3) });
});

test("a new subscription of a channel that was just left is not ended by the repeated unsubscribe", () => {
  const { session, sent, sub } = live(3);
  session.unsubscribe(sub);
  session.subscribe("a");
  session.lost(1);
  session.open(2);
  sent.length = 0;
  session.frame(2, connected({ resumed: true, generation: 2 }));
  assert.deepEqual(sent, [{ type: "subscribe", id: 4, channel: "a" }]);
});

test("make before break: the old link is heard until connected comes on the new one, then no more", () => {
  const { session, take } = live(3);
  session.open(2);
  session.frame(1, message(4));
  session.frame(1, { type: "gap", channel: "a", reason: "feed_lost", from: at(6) });
  session.frame(2, connected({ resumed: true, generation: 2 }));
  session.frame(1, message(7)); // late
  // The server goes on behind the count that connect said: these two came already.
  session.frame(2, message(4));
  session.frame(2, { type: "gap", channel: "a", reason: "feed_lost", from: at(6) });
  session.frame(2, message(7));
  session.lost(1);
  assert.deepEqual(take(), [[2, "connect"], "a 4", "gap a feed_lost 4 6", "connected 2 true", "a 7"]);
  assert.equal(session.report(), 4);
  assert.equal(session.link, 2);
});

test("make before break: what is reported is what the present link brought, and nothing while a connect is on its way", () => {
  const { session, sent } = live(3); // 1 counted frame
  session.open(2);
  for (const n of [4, 5, 6]) session.frame(1, message(n));
  assert.equal(session.report(), undefined, "a poll waits");
  session.ping();
  session.frame(2, connected({ resumed: true, generation: 2 }));
  session.frame(2, message(4));
  session.ping();
  session.lost(2);
  session.open(3);
  assert.deepEqual(sent, [
    { type: "connect", version: 1, session: "s", received: 1, generation: 1, attempt: 1 },
    { type: "ping" },
    { type: "ping", received: 2 },
    { type: "connect", version: 1, session: "s", received: 2, generation: 2, attempt: 2 },
  ]);
  session.frame(3, connected({ resumed: true, generation: 3 }));
  for (const n of [5, 6, 7]) session.frame(3, message(n));
  assert.equal(session.report(), 5);
});

test("a filtered subscription is known by the room that the server names", () => {
  const { session, sent, take } = live(3);
  const sub = session.subscribe("a", undefined, { equals: { city: "Bern" } });
  session.frame(1, message(4));
  session.frame(1, { ...subscribed(2, 4), room: "r" });
  session.frame(1, message(9, { room: "r", prev: 4 }));
  session.unsubscribe(sub);
  assert.deepEqual(take(), [[1, "subscribe 2"], "a 4", "live a false", "a 9", [1, "unsubscribe 3"]]);
  assert.deepEqual(sent, [
    { type: "subscribe", id: 2, channel: "a", filter: { equals: { city: "Bern" } } },
    { type: "unsubscribe", id: 3, channel: "a", room: "r" },
  ]);
});

test("a scope is said, and makes a subscription of its own, with a room", () => {
  const { session, sent, take } = live(3);
  session.subscribe("a");
  const sub = session.subscribe("a", undefined, undefined, "out");
  session.frame(1, subscribed(2, 4));
  session.frame(1, { ...subscribed(3, 4), room: "r.out" });
  session.frame(1, message(9, { room: "r.out", prev: 4, scope: "out" }));
  session.unsubscribe(sub);
  assert.deepEqual(take(), [[1, "subscribe 2"], [1, "subscribe 3"], "live a false", "live a false", "a 9", [1, "unsubscribe 4"]]);
  assert.deepEqual([sent[1], sent[2]], [{ type: "subscribe", id: 3, channel: "a", scope: "out" }, { type: "unsubscribe", id: 4, channel: "a", room: "r.out" }]);
});

test("two filters that the server finds the same: both hear, and the room is left with the last of them", () => {
  const { session, sent } = live(3);
  const first = session.subscribe("a", undefined, { and: [1, 2] });
  const second = session.subscribe("a", undefined, { and: [2, 1] });
  session.frame(1, { ...subscribed(2, 4), room: "r" });
  session.frame(1, { ...subscribed(3, 4), room: "r" });
  session.frame(1, message(9, { room: "r", prev: 4 }));
  assert.deepEqual([first, second].map((sub) => sub.cursor.position?.offset), [9, 9]);
  session.unsubscribe(first);
  session.frame(1, message(11, { room: "r", prev: 9 }));
  assert.equal(second.cursor.position?.offset, 11);
  assert.deepEqual(sent.map((f) => f.type), ["subscribe", "subscribe"], "the room goes on");
  session.unsubscribe(second);
  assert.deepEqual(sent.at(-1), { type: "unsubscribe", id: 4, channel: "a", room: "r" });
});

test("a room that was left while another filter was on its way to the same room is asked for again", () => {
  const { session, sent } = live(3);
  const first = session.subscribe("a", undefined, { and: [1, 2] });
  session.frame(1, { ...subscribed(2, 4), room: "r" });
  const second = session.subscribe("a", undefined, { and: [2, 1] });
  session.unsubscribe(first); // the server handles it behind the subscribe, and ends the room
  session.frame(1, { ...subscribed(3, 4), room: "r" });
  assert.deepEqual(sent.map((f) => `${f.type} ${f.id}`), ["subscribe 2", "subscribe 3", "unsubscribe 4", "subscribe 5"]);
  session.frame(1, { type: "reply", id: 4 });
  session.frame(1, { ...subscribed(5, 4), room: "r" });
  session.frame(1, message(9, { room: "r", prev: 4 }));
  assert.equal(second.cursor.position?.offset, 9);
});

test("a filter that another took over, since both mean the same and were on their way together, is asked for again", () => {
  const { session, sent } = live(3);
  const first = session.subscribe("a", undefined, { and: [1, 2] });
  session.subscribe("a", undefined, { and: [2, 1] });
  session.frame(1, { type: "error", id: 2, code: "superseded", retry: false });
  session.frame(1, { ...subscribed(3, 4), room: "r" });
  session.retry();
  assert.deepEqual(sent.map((f) => `${f.type} ${f.id}`), ["subscribe 2", "subscribe 3", "subscribe 4"]);
  session.frame(1, { ...subscribed(4, 4), room: "r" });
  session.frame(1, message(9, { room: "r", prev: 4 }));
  assert.equal(first.cursor.position?.offset, 9);
});

test("a filtered subscription that is left before its room has a name is left when it has", () => {
  const { session, sent, take } = live(3);
  session.unsubscribe(session.subscribe("a", undefined, { exists: "x" }));
  session.unsubscribe(session.subscribe("a", undefined, { exists: "y" }));
  assert.deepEqual(sent.map((f) => f.type), ["subscribe", "subscribe"]);
  session.frame(1, { type: "gap", id: 2, room: "r", channel: "a", reason: "history_expired", from: at(4) });
  session.frame(1, { ...subscribed(2, 3), room: "r" });
  session.frame(1, { type: "error", id: 3, code: "unsupported", retry: false });
  assert.deepEqual(take(), [[1, "subscribe 2"], [1, "subscribe 3"], [1, "unsubscribe 4"]]);
  assert.deepEqual(sent.at(-1), { type: "unsubscribe", id: 4, channel: "a", room: "r" });
});

test("connected on a link that is not being opened is nothing", () => {
  const { session, take } = live(3);
  session.frame(7, connected({ session: "x" }));
  session.frame(1, connected({ session: "x" }));
  assert.deepEqual(take(), []);
  assert.equal(session.id, "s");
});

test("every 256 counted frames are reported; pong is not counted", () => {
  const { session, sent }: { session: Session; sent: ClientFrame[] } = live(0);
  session.frame(1, { type: "pong" });
  for (let i = 1; i <= 254; i++) session.frame(1, message(i));
  assert.equal(sent.length, 0);
  session.frame(1, message(255));
  assert.deepEqual(sent, [{ type: "ping", received: 256 }]);
  for (let i = 256; i <= 300; i++) session.frame(1, message(i));
  session.ping();
  for (let i = 301; i <= 555; i++) session.frame(1, message(i));
  assert.deepEqual(sent.map((f) => f.received), [256, 301], "a ping in between counts");
});

test("the cursor moves after the callback returned", () => {
  const { session, hooks, sub } = live(0);
  let during: Position | undefined;
  hooks.message = () => (during = sub.cursor.position);
  session.frame(1, message(1));
  assert.deepEqual([during, sub.cursor.position], [at(0), at(1)]);
});

test("unsubscribe within the callback: nothing more is handed out", () => {
  const { session, take, hooks } = live(0);
  hooks.message = (sub) => session.unsubscribe(sub);
  session.frame(1, message(1));
  session.frame(1, message(2));
  session.frame(1, { type: "error", id: 2, code: "not_subscribed" });
  assert.deepEqual(take(), ["a 1", [1, "unsubscribe 2"], "answer unsubscribe not_subscribed"]);
});

test("unsubscribe before the first connect leaves nothing to send", () => {
  const { session, sent } = machine();
  session.unsubscribe(session.subscribe("a"));
  session.open(1);
  session.frame(1, connected());
  assert.deepEqual(sent.map((f) => f.type), ["connect"]);
});

test("a subscription that is refused ends; refused for the moment, it is tried again on demand", () => {
  const { session, sent, take } = live(3);
  session.subscribe("b");
  session.frame(1, { type: "error", id: 2, code: "forbidden", retry: false });
  session.subscribe("c");
  session.frame(1, { type: "error", id: 3, code: "rate_limited", retry: true });
  assert.deepEqual(take(), [[1, "subscribe 2"], "ended b forbidden", [1, "subscribe 3"], "retry later"]);
  session.retry();
  session.retry();
  assert.deepEqual(sent.at(-1), { type: "subscribe", id: 4, channel: "c" });
  assert.equal(sent.length, 3, "a second retry finds nothing refused");
});

test("refused again while recovering: nothing is handed out until it is recovered", () => {
  const { session, take } = live(3);
  session.frame(1, message(5));
  session.frame(1, { type: "error", id: 2, code: "broker_unavailable", retry: true });
  session.frame(1, message(6));
  session.frame(1, { type: "position", channel: "a", ...at(6) });
  session.retry();
  session.frame(1, subscribed(3, 3, true));
  session.frame(1, message(4));
  assert.deepEqual(take(), [[1, "subscribe 2"], "retry later", [1, "subscribe 3"], "live a true", "a 4"]);
});

test("the server ends a subscription", () => {
  const { session, take } = live(3);
  session.frame(1, { type: "unsubscribed", channel: "a", code: "removed" });
  session.frame(1, message(4));
  session.ask();
  assert.deepEqual(take(), ["ended a removed"]);
});

test("B133: what rules ended is asked for again from its cursor, and its end is told once", () => {
  const { session, sent, take } = live(3);
  const forbidden = () => session.frame(1, { type: "unsubscribed", channel: "a", code: "forbidden" });
  forbidden();
  session.frame(1, message(4));
  assert.deepEqual(take(), ["ask later 0", "ended a forbidden"]);
  for (const [id, tries] of [[2, 1], [3, 2], [4, 3]] as const) {
    session.ask();
    session.ask(); // once is enough
    session.frame(1, { type: "error", id, code: "forbidden", retry: false });
    assert.deepEqual(take(), [[1, `subscribe ${id}`], `ask later ${tries}`]);
  }
  session.ask();
  assert.deepEqual(sent.at(-1), { type: "subscribe", id: 5, channel: "a", since: at(3) });
  session.frame(1, subscribed(5, 3, true));
  session.frame(1, message(4));
  forbidden();
  assert.deepEqual(take(), [[1, "subscribe 5"], "live a true", "a 4", "ask later 0", "ended a forbidden"]);
});

test("B133: what was unsubscribed is asked for no more", () => {
  for (const asked of [false, true]) {
    const { session, sub, take } = live(3);
    session.frame(1, { type: "unsubscribed", channel: "a", code: "forbidden" });
    if (asked) session.ask();
    take();
    session.unsubscribe(sub);
    session.frame(1, subscribed(2, 3, true));
    session.frame(1, message(4));
    session.ask();
    assert.deepEqual(take(), [[1, `unsubscribe ${asked ? 3 : 2}`]]);
  }
});

test("more than 64 frames go out in several messages", () => {
  const { session, take } = machine();
  for (let i = 0; i < 128; i++) session.subscribe(`c${i}`);
  session.open(1);
  session.frame(1, connected());
  assert.deepEqual(take().filter(Array.isArray).map((l) => l.length - 1), [1, 64, 64]);
});

test("disconnect ends its link, and is nothing on a link that carries nothing", () => {
  const { session, take } = live(3);
  session.frame(9, { type: "disconnect", code: "rotated", retry: true });
  session.frame(1, { type: "disconnect", code: "rotated", retry: true });
  session.frame(1, message(4));
  assert.deepEqual(take(), ["disconnected 1 rotated true"]);
  assert.equal(session.link, 0);
});

test("goodbye ends the session; the next one recovers from the cursors", () => {
  const { session, sent } = live(3);
  session.goodbye();
  session.open(2);
  session.frame(2, connected({ session: "s2" }));
  assert.deepEqual(sent, [
    { type: "disconnect" },
    { type: "connect", version: 1 },
    { type: "subscribe", id: 2, channel: "a", since: at(3) },
  ]);
});

test("channels named like what every object has are channels", () => {
  const { session, take } = machine();
  session.open(1);
  session.frame(1, connected());
  for (const [i, channel] of ["__proto__", "constructor", "toString"].entries()) {
    session.subscribe(channel);
    session.frame(1, { ...subscribed(i + 1, 0), channel });
    session.frame(1, { ...message(1), channel });
  }
  assert.deepEqual(take().filter((l) => String(l).endsWith(" 1") && typeof l === "string"), ["__proto__ 1", "constructor 1", "toString 1"]);
});

test("frames of other kinds and unknown types are counted and passed on", () => {
  const { session, take } = live(3);
  session.frame(1, { type: "event", event: "reload", data: null });
  session.frame(1, { type: "fireworks" } as never);
  session.frame(1, { type: "error", code: "bad_request" });
  assert.deepEqual(take(), ["other event", "other fireworks", "other error"]);
  assert.equal(session.report(), 4);
});

test("codes and reasons of a later server: a gap like any other, and retry says whether to come back", () => {
  const { session, take } = live(3);
  session.frame(1, { type: "gap", channel: "a", reason: "solar_flare", last: at(3), from: at(7) } as never);
  session.frame(1, { ...message(8), colour: "red" } as never);
  session.frame(1, { type: "disconnect", code: "moon_phase", retry: true } as never);
  assert.deepEqual(take(), ["gap a solar_flare 3 7", "a 8", "disconnected 1 moon_phase true"]);
});
