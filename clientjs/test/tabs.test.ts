import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message, SubscribeOptions } from "../src/types.js";
import { call } from "../src/call.js";
import { watchPresence } from "../src/presence.js";
import { browser } from "../src/tabs/platform.js";
import { settle } from "./helpers/clock.js";
import { world, type TestTab } from "./helpers/tabs.js";

/** What a tab hears of a channel: offsets, and gaps as the offset from which they go on. */
function listen({ bus }: TestTab, channel = "a", options: SubscribeOptions = {}) {
  const heard: (number | string)[] = [];
  const stop = bus.subscribe(channel, (_, __, m: Message) => void heard.push(m.offset), {
    ...options,
    onGap: (gap) => void heard.push(`${gap.reason} ${gap.from.offset}`),
  });
  return { heard, stop };
}

const roles = (...tabs: TestTab[]): (string | undefined)[] => tabs.map(({ bus }) => bus.status.tab);
const states = (...tabs: TestTab[]): string[] => tabs.map(({ bus }) => bus.status.state);
const wires = (tabs: TestTab[]): number => tabs.reduce((n, { net }) => n + net.links.length, 0);

async function three(w = world()) {
  const tabs: [TestTab, TestTab, TestTab] = [w.open(), w.open(), w.open()];
  const logs = tabs.map((tab) => listen(tab).heard);
  await settle();
  await w.clock.advance(100);
  return { ...w, tabs, logs };
}

test("three tabs have one connection, and each hears every message once", async () => {
  const { tabs, logs, server, live } = await three();
  assert.deepEqual(roles(...tabs), ["leader", "follower", "follower"]);
  assert.deepEqual(tabs.map(({ bus }) => [bus.status.state, bus.status.transport]), Array(3).fill(["connected", "websocket"]));
  for (let i = 0; i < 5; i++) server.publish("a", i);
  await settle();
  assert.deepEqual(logs, Array(3).fill([1, 2, 3, 4, 5]));
  assert.equal(live(), 1);
  assert.equal(wires(tabs), 1);
  const subscribes = tabs[0].net.last.sent.filter((f) => f.type === "subscribe");
  assert.equal(subscribes.length, 1, "one subscription for all");
});

test("the leader is closed: the next one takes over at once, from where all are", async () => {
  const { tabs, logs, server, live } = await three();
  server.publish("a", 1);
  await settle();
  tabs[0].close();
  server.publish("a", 2);
  await settle();
  server.publish("a", 3);
  await settle();
  assert.deepEqual(roles(tabs[1], tabs[2]), ["leader", "follower"]);
  assert.deepEqual(logs.slice(1), [[1, 2, 3], [1, 2, 3]]);
  assert.equal(live(), 1);
});

test("the leader crashes: the browser passes the lock on, and the old session ends at the server", async () => {
  const { tabs, logs, server, live } = await three();
  tabs[0].crash();
  server.publish("a", 1);
  await settle();
  assert.deepEqual(states(tabs[1], tabs[2]), ["connected", "connected"]);
  assert.deepEqual(logs.slice(1), [[1], [1]]);
  assert.equal(server.sessions.size, 1);
  assert.equal(live(), 1);
});

test("the leader stops without a word: it is asked, its place is taken, and when it goes on it steps down", async () => {
  const { tabs, logs, server, clock, live } = await three();
  tabs[0].page.freeze();
  server.publish("a", 1);
  await clock.advance(7_000);
  assert.deepEqual(roles(tabs[1], tabs[2]).sort(), ["follower", "leader"]);
  assert.deepEqual(logs.slice(1), [[1], [1]]);
  assert.equal(server.sessions.size, 1, "the old session was ended by the new leader's connect");
  server.publish("a", 2);
  tabs[0].page.thaw();
  await clock.advance(100);
  assert.equal(roles(...tabs).filter((r) => r === "leader").length, 1);
  assert.equal(tabs[0].bus.status.tab, "follower");
  assert.deepEqual(states(...tabs), Array(3).fill("connected"));
  assert.deepEqual(logs, Array(3).fill([1, 2]));
  assert.equal(live(), 1);
});

test("the browser freezes the leader's page: it hands over, and follows when it is back", async () => {
  const { tabs, logs, server, live } = await three();
  tabs[0].page.tell("freeze");
  tabs[0].page.freeze();
  server.publish("a", 1);
  await settle();
  assert.deepEqual(roles(tabs[1], tabs[2]), ["leader", "follower"], "at once");
  assert.deepEqual(logs.slice(1), [[1], [1]]);
  tabs[0].page.thaw();
  tabs[0].page.tell("resume");
  await settle();
  assert.deepEqual(roles(...tabs), ["follower", "leader", "follower"]);
  assert.deepEqual(logs[0], [1]);
  assert.equal(live(), 1);
});

test("B133: what rules ended comes back in every tab when they allow it again, and each tab is told once", async () => {
  const w = world();
  const tabs = [w.open(), w.open(), w.open()];
  const errors = tabs.map(() => [] as string[]);
  const logs = tabs.map((tab, i) => listen(tab, "a", { onError: (e) => void errors[i]?.push(e.code) }).heard);
  await w.clock.advance(1_000);
  w.server.publish("a", 1);
  await settle();
  w.server.forbid("a");
  w.server.publish("a", 2);
  const late: string[] = [];
  tabs[1]?.bus.subscribe("a", () => {}, { onError: (e) => void late.push(e.code) });
  await w.clock.advance(200_000);
  assert.deepEqual([logs, errors, late], [Array(3).fill([1]), Array(3).fill(["forbidden"]), ["forbidden"]]);
  w.server.allow("a");
  await w.clock.advance(310_000);
  w.server.publish("a", 3);
  await settle();
  assert.deepEqual([logs, errors], [Array(3).fill([1, 2, 3]), Array(3).fill(["forbidden"])]);
  assert.equal(w.live(), 1);
});

test("a follower publishes, and asks for history, over the leader", async () => {
  const { tabs, logs, server } = await three();
  const at = await tabs[1].bus.publish("a", { n: 1 }, { idempotencyKey: "k" });
  assert.deepEqual([at.offset, server.channel("a").top], [1, 1]);
  await settle();
  assert.deepEqual(logs, Array(3).fill([1]));
});

test("a tab that excludes itself does not hear its publish, the others do, and nothing seems to be missing", async () => {
  const { tabs, logs, server } = await three();
  for (const [i, { bus }] of tabs.entries()) {
    await bus.publish("a", i, { exclude: true });
    await bus.publish("a", i);
  }
  await settle();
  assert.deepEqual(logs, [[2, 3, 4, 5, 6], [1, 2, 4, 5, 6], [1, 2, 3, 4, 6]]);
  const published = server.channel("a").history.map(({ exclude }) => exclude);
  assert.ok(published[0] && published[2] && published[4] && new Set(published).size === 4, `${published}`);
});

test("what a tab was excluded from stays away when it links anew", async () => {
  const { tabs, logs } = await three();
  await tabs[1].bus.publish("a", 1, { exclude: true });
  await tabs[0].bus.publish("a", 2);
  tabs[0].close();
  await settle();
  await tabs[2].bus.publish("a", 3);
  await settle();
  assert.deepEqual(logs.slice(1), [[2, 3], [1, 2, 3]]);
});

test("a publish of a follower whose leader stops in the middle is made once, and answered", async () => {
  const { tabs, server, clock } = await three();
  server.swallow = (f) => (f as { type: string }).type === "reply";
  const published = tabs[1].bus.publish("a", 1);
  await settle();
  assert.equal(server.channel("a").top, 1, "it arrived, and the answer was lost");
  tabs[0].page.freeze();
  server.swallow = () => false;
  await clock.advance(7_000);
  assert.equal((await published).offset, 1);
  assert.equal(server.channel("a").top, 1);
});

test("a follower calls the application over the leader; where that one stops in the middle, the next one repeats the call with its key", async () => {
  const { tabs, server, clock } = await three();
  assert.deepEqual(await call(tabs[1].bus, "sum", [1, 2]), [1, 2]);
  server.swallow = (f) => (f as { type: string }).type === "reply";
  const [first, second] = [call(tabs[1].bus, "slow", "one"), call(tabs[2].bus, "slow", "two")];
  await settle();
  tabs[0].page.freeze();
  server.swallow = () => false;
  await clock.advance(7_000);
  assert.deepEqual([await first, await second], ["one", "two"]);
  const keys = (data: string): string[] => server.calls.filter((f) => f.data === data).map((f) => f.idempotencyKey as string);
  for (const data of ["one", "two"]) assert.deepEqual(keys(data), Array(2).fill(keys(data)[0]), "twice, and by its key once");
  assert.notEqual(keys("one")[0], keys("two")[0]);
});

test("a publish without an answer is unknown after its time", async () => {
  const { tabs, server, clock } = await three();
  server.swallow = (f) => (f as { type: string }).type === "reply";
  const published = assert.rejects(tabs[2].bus.publish("a", 1), { code: "timeout", retry: true });
  await clock.advance(31_000);
  await published;
});

test("a tab that comes late with a position hears what it missed, and the others nothing twice", async () => {
  const { tabs, logs, server, open } = await three();
  for (let i = 0; i < 400; i++) server.publish("a", i);
  await settle();
  const { epoch } = server.channel("a");
  const near = listen(open(), "a", { since: { epoch, offset: 390, tag: "t390" } });
  await settle();
  assert.deepEqual(near.heard, Array.from({ length: 10 }, (_, i) => 391 + i));
  const subscribes = (): number => tabs[0].net.last.sent.filter((f) => f.type === "subscribe").length;
  assert.equal(subscribes(), 1, "from what the leader kept");
  const far = listen(open(), "a", { since: { epoch, offset: 10, tag: "t10" } });
  await settle();
  assert.equal(far.heard.length, 390);
  assert.equal(subscribes(), 2, "from the server");
  server.publish("a", "last");
  await settle();
  for (const log of [...logs, near.heard, far.heard]) {
    assert.equal(log.at(-1), 401);
    assert.deepEqual(log, [...log].sort((a, b) => Number(a) - Number(b)));
    assert.equal(new Set(log).size, log.length);
  }
});

test("a tab whose position history does not hold any more is told a gap; the others are not", async () => {
  const { logs, server, open } = await three();
  server.keep = 10;
  for (let i = 0; i < 400; i++) server.publish("a", i);
  await settle();
  const { epoch } = server.channel("a");
  const far = listen(open(), "a", { since: { epoch, offset: 10, tag: "t10" } });
  await settle();
  server.publish("a", "last");
  await settle();
  assert.deepEqual(far.heard, ["history_expired 400", 401]);
  for (const log of logs) assert.deepEqual(log, Array.from({ length: 401 }, (_, i) => i + 1));
});

test("the server begins anew for one tab, with a gap: the others get what they had not heard yet, though nothing more is published", async () => {
  const { logs, server, open } = await three();
  server.keep = 10;
  for (let i = 0; i < 400; i++) server.publish("a", i);
  await settle();
  server.swallow = (f) => (f as { type: string }).type === "message";
  server.publish("a", "swallowed");
  await settle();
  server.swallow = () => false;
  const { epoch } = server.channel("a");
  const far = listen(open(), "a", { since: { epoch, offset: 10, tag: "t10" } });
  await settle();
  assert.deepEqual(far.heard, ["history_expired 401"]);
  for (const log of logs) assert.deepEqual(log, Array.from({ length: 401 }, (_, i) => i + 1));
});

// An old leader learns in three ways that it is one; each of them suffices.
test("a leader whose lock is taken steps down, though nobody says that they lead", async () => {
  const { tabs, browser, live, clock } = await three();
  const [name] = [...browser.holders.keys()] as [string];
  // Until it is robbed itself.
  browser.request(browser.page(), name, { steal: true }, () => new Promise(() => {})).catch(() => {});
  await settle();
  assert.deepEqual([tabs[0].bus.status.tab, live()], ["follower", 0]);
  await clock.advance(10_000);
  assert.equal(live(), 1, "and its place is taken from who does not answer");
  assert.equal(roles(...tabs).filter((r) => r === "leader").length, 1);
});

test("a leader that hears of a newer one steps down", async () => {
  const { tabs, browser, live } = await three();
  const [name] = [...browser.holders.keys()] as [string];
  const standing = { state: "connected", transport: "websocket", error: null };
  browser.carry(browser.page(), name, { post: "lead", from: "new", term: 1e15, n: 1, standing, session: "" });
  await settle();
  assert.equal(tabs[0].net.links[0]?.closed, true);
  assert.ok(live() <= 1);
});

test("a leader whose session was taken over is not closed: it goes back into the queue", async () => {
  const { tabs, server, logs, live, clock } = await three();
  tabs[0].net.last.receive({ type: "disconnect", code: "superseded", reason: "", retry: false });
  server.publish("a", 1);
  await clock.advance(10_000);
  assert.deepEqual(states(...tabs), Array(3).fill("connected"));
  assert.deepEqual(logs, Array(3).fill([1]));
  assert.equal(live(), 1);
});

test("the broker loses its history: each tab is told one gap", async () => {
  const { logs, server } = await three();
  server.publish("a", 1);
  await settle();
  server.wipe("a");
  server.publish("a", 2);
  await settle();
  assert.deepEqual(logs, Array(3).fill([1, "epoch_changed 0", 1]));
});

test("the browser loses a post between tabs: the tab that missed it begins again from its position", async () => {
  const { browser, logs, server } = await three();
  browser.loses = (post) => (post as { post: string }).post === "down";
  server.publish("a", 1);
  await settle();
  browser.loses = () => false;
  assert.deepEqual(logs, [[1], [], []]);
  server.publish("a", 2);
  await settle();
  assert.deepEqual(logs, Array(3).fill([1, 2]));
});

test("a post that was lost is missed at the next heartbeat, though nothing else is published", async () => {
  const { browser, logs, server, clock } = await three();
  browser.loses = (post) => (post as { post: string }).post === "down";
  server.publish("a", 1);
  await settle();
  browser.loses = () => false;
  await clock.advance(5_000);
  assert.deepEqual(logs, Array(3).fill([1]));
});

test("the last listener of a channel ends its subscription at the server; of one among several it does not", async () => {
  const { tabs, open, server } = await three();
  const one = listen(open(), "b");
  const other = listen(open(), "b");
  await settle();
  const unsubscribes = (): number => tabs[0].net.last.sent.filter((f) => f.type === "unsubscribe").length;
  one.stop();
  await settle();
  assert.equal(unsubscribes(), 0);
  server.publish("b", 1);
  other.stop();
  await settle();
  assert.deepEqual(other.heard, [], "stopped before it came");
  assert.equal(unsubscribes(), 1);
});

test("two identities, or two URLs, do not share; the times of a token make no identity", async () => {
  const jwt = (claims: object): string => `h.${btoa(JSON.stringify(claims)).replace(/=+$/, "")}.s`;
  const w = world();
  const tabs = [
    { token: jwt({ sub: "ann", exp: 1, iat: 0 }) },
    { token: jwt({ iat: 7, exp: 9, sub: "ann", jti: "x" }) },
    { token: jwt({ sub: "bob", exp: 1, iat: 0 }) },
    { token: jwt({ sub: "ann", exp: 1, iat: 0, role: "admin" }) },
    { token: "opaque-1" },
    { token: "opaque-2" },
    { tabs: "ann" },
    { getToken: () => jwt({ sub: "ann", exp: 2 }) },
    { url: "/other/bus" },
    { url: "https://app.example/other/bus" },
    {},
  ].map((options) => w.open(options));
  for (const tab of tabs) {
    listen(tab);
    await settle();
  }
  await w.clock.advance(100);
  assert.deepEqual(roles(...tabs), ["leader", "follower", "leader", "leader", "leader", "leader", "leader", "follower", "leader", "follower", "leader"]);
  assert.equal(w.live(), 8);
});

test("the server has forgotten the session: every tab is told that it is subscribed anew, and hears what came meanwhile", async () => {
  const { tabs, server, clock } = await three();
  const told = [0, 0, 0];
  const heard = tabs.map((tab) => listen(tab, "b").heard);
  tabs.forEach((tab, i) => tab.bus.subscribe("b", () => {}, { onSubscribed: () => void (told[i] = (told[i] as number) + 1) }));
  await settle();
  const before = [...told];
  tabs[0].net.last.lost();
  server.forget();
  server.publish("b", 1);
  await clock.advance(5_000);
  assert.deepEqual(told.map((n, i) => n - (before[i] as number)).map((n) => n > 0), [true, true, true]);
  assert.deepEqual(heard, Array(3).fill([1]));
  assert.equal(server.sessions.size, 1);
});

test("a refusal that is final closes each tab with what it heard itself", async () => {
  const { open, live } = world();
  const tabs = [open(), open(), open()];
  const refused: string[] = [];
  for (const { net, page } of tabs) {
    net.onFrames = (link, [first]) => {
      if (first?.type !== "connect") return;
      refused.push(page.name);
      queueMicrotask(() => link.receive({ type: "disconnect", code: "forbidden", reason: "no", retry: false }));
    };
  }
  tabs.forEach((tab) => listen(tab));
  for (let i = 0; i < 20; i++) await settle();
  assert.deepEqual(refused, ["tab1", "tab2", "tab3"]);
  assert.deepEqual(tabs.map(({ bus }) => [bus.status.state, bus.status.error?.code]), Array(3).fill(["closed", "forbidden"]));
  assert.equal(live(), 0);
});

test("without locks, or without a channel, each tab has a connection of its own, and nothing is said", async () => {
  const w = world();
  const [one, two, three] = [w.open(), w.open(), w.open()];
  one.page.platform.locks.request = () => Promise.reject(new DOMException("no", "SecurityError"));
  two.page.platform.locks.request = () => {
    throw new DOMException("no", "InvalidStateError");
  };
  Object.assign(three.page.platform, {
    open() {
      throw new DOMException("no", "SecurityError");
    },
  });
  const logs = [one, two, three].map((tab) => listen(tab).heard);
  await w.clock.advance(100);
  assert.deepEqual(roles(one, two, three), [undefined, undefined, undefined]);
  assert.equal(w.live(), 3);
  w.server.publish("a", 1);
  await settle();
  assert.deepEqual(logs, [[1], [1], [1]]);
  for (const { bus } of [one, two, three]) bus.close();
  assert.equal(w.clock.pending, 0);
});

test("what is no page, and a URL that is none, share nothing", async () => {
  assert.throws(browser, /no page/);
  const w = world();
  const tab = w.open();
  Object.assign(tab.page.platform, {
    resolve() {
      throw new TypeError("Invalid URL");
    },
  });
  listen(tab);
  await w.clock.advance(100);
  assert.deepEqual([roles(tab), w.live()], [[undefined], 1]);
});

test("a getToken that fails is asked again, and nothing connects meanwhile", async () => {
  const w = world();
  let broken = true;
  const tab = w.open({ getToken: () => (broken ? Promise.reject(new Error("offline")) : "t") });
  const { heard } = listen(tab);
  await w.clock.advance(5_000);
  assert.deepEqual([tab.bus.status.state, tab.bus.status.error?.code, w.live()], ["waiting", "unauthorized", 0]);
  broken = false;
  await w.clock.advance(20_000);
  assert.equal(tab.bus.status.state, "connected");
  w.server.publish("a", 1);
  await settle();
  assert.deepEqual(heard, [1]);
});

test("a token that getToken brings is asked for once where the tab leads; one of another user moves the tab to that one's", async () => {
  const w = world();
  const jwt = (sub: string): string => `h.${btoa(JSON.stringify({ sub }))}.s`;
  let user = "ann";
  let asked = 0;
  const getToken = (): string => (asked++, jwt(user));
  const ann = w.open({ token: jwt("ann") });
  const bob = w.open({ token: jwt("bob") });
  const changing = w.open({ getToken });
  for (const tab of [changing, ann, bob]) {
    listen(tab);
    await w.clock.advance(100);
  }
  assert.equal(asked, 1);
  assert.deepEqual(roles(changing, ann, bob), ["leader", "follower", "leader"]);
  assert.deepEqual(changing.net.last.sent[0]?.token, jwt("ann"));
  user = "bob";
  changing.net.last.receive({ type: "disconnect", code: "token_expired", reason: "", retry: true });
  await w.clock.advance(30_000);
  assert.deepEqual(roles(changing, ann, bob), ["follower", "leader", "leader"]);
  assert.deepEqual(states(changing, ann, bob), Array(3).fill("connected"));
  assert.equal(w.live(), 2);
});

test("tabs hear together who is there: also a tab that comes later, and after the connection began anew", async () => {
  const { tabs, server, clock } = await three();
  server.present = [{ user: "ann" }];
  const watch = (tab: TestTab) => {
    const live = watchPresence(tab.bus, "a", clock);
    live.onChange(() => {});
    return live;
  };
  const lives = [watch(tabs[1])];
  await settle();
  lives.push(watch(tabs[2]));
  await settle();
  server.news("a", { type: "joined", members: [{ user: "bob" }], count: 2 });
  await settle();
  assert.deepEqual(lives.map((l) => l.state.count), [2, 2]);
  tabs[0].bus.debug.hold();
  server.forget();
  server.present = [{ user: "zoe" }];
  tabs[0].bus.debug.release();
  await clock.advance(5_000);
  assert.deepEqual(lives.map((l) => l.state.members), Array(2).fill([{ user: "zoe" }]), "though only the leader knows that the session is another");
  tabs[0].close();
  await clock.advance(5_000);
  server.news("a", { type: "left", members: [{ user: "zoe" }], count: 0 });
  await settle();
  assert.deepEqual(lives.map((l) => l.state.count), [0, 0], "and under another leader");
});

test("tabs with the same filter share a subscription, one with another has its own, and the unfiltered hear all", async () => {
  const w = world();
  const tabs = [w.open(), w.open(), w.open()] as [TestTab, TestTab, TestTab];
  const bern = { filter: { equals: { city: "Bern" } } };
  const logs = [listen(tabs[0], "a", bern), listen(tabs[1], "a", bern), listen(tabs[2], "a", { filter: { equals: { city: "Basel" } } }), listen(tabs[2])];
  await settle();
  await w.clock.advance(100);
  for (const city of ["Bern", "Basel", "Bern", "Biel"]) w.server.publish("a", { city });
  await settle();
  assert.deepEqual(logs.map(({ heard }) => heard), [[1, 3], [1, 3], [2], [1, 2, 3, 4]]);
  assert.equal(tabs[0].net.last.sent.filter((f) => f.type === "subscribe").length, 3);
  logs[1]!.stop();
  await settle();
  w.server.publish("a", { city: "Bern" });
  await settle();
  assert.deepEqual(logs.map(({ heard }) => heard.at(-1)), [5, 3, 2, 5], "the leader's own goes on");
  logs[0]!.stop();
  await settle();
  assert.deepEqual(tabs[0].net.last.sent.filter((f) => f.type === "unsubscribe").map((f) => f.room), ["a?city,Bern"]);
});

test("a filter over a takeover: each tab goes on from where it was, with nothing twice", async () => {
  const w = world();
  const tabs = [w.open(), w.open()] as [TestTab, TestTab];
  const bern = { filter: { equals: { city: "Bern" } } };
  await settle();
  await w.clock.advance(100);
  const log = listen(tabs[1], "a", bern);
  await settle();
  w.server.publish("a", { city: "Bern" });
  await settle();
  tabs[0].bus.close();
  for (const city of ["Basel", "Bern"]) w.server.publish("a", { city });
  await settle();
  await w.clock.advance(5_000);
  w.server.publish("a", { city: "Bern" });
  await settle();
  assert.deepEqual(log.heard, [1, 3, 4]);
});
