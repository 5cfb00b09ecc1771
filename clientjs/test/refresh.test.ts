// The token's life: asked for in time, said on the connection that stands, once for all tabs; sign-in and sign-out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { captured, handBus, servedBus } from "./helpers/bus.js";
import { settle } from "./helpers/clock.js";
import { world, type TestTab } from "./helpers/tabs.js";
import type { GivenToken, Message } from "../src/types.js";

const MINUTES = 60_000;
const jwt = (sub: string, n = 0): string => `h.${btoa(JSON.stringify({ sub, exp: n }))}.s`;

/** A bus that has connected with the first of its tokens, each good for 5 minutes. */
async function signedIn(getToken?: (n: number) => GivenToken | Promise<GivenToken>) {
  let asked = 0;
  const w = handBus({ getToken: () => (asked++, getToken ? getToken(asked) : `t${asked}`) });
  w.bus.subscribe("a", () => {});
  await settle();
  const link = w.net.last;
  link.accept({ ttl: 5 * MINUTES });
  link.flush();
  return { ...w, link, asked: () => asked };
}

test("a token is renewed on the live connection when 80 to 90 percent of its time are over, again and again", async () => {
  const asked: number[] = [];
  const { bus, net, clock, server } = servedBus({ getToken: () => `t${asked.push(clock.now())}` });
  server.ttl = 5 * MINUTES;
  bus.subscribe("a", () => {});
  await clock.advance(20 * MINUTES);
  const waits = asked.slice(1).map((at, i) => at - asked[i]!);
  assert.ok(waits.length === 4 && waits.every((ms) => ms >= 4 * MINUTES && ms <= 4.5 * MINUTES), `${waits}`);
  assert.deepEqual(server.tokens, ["t1", "t2", "t3", "t4", "t5"]);
  assert.deepEqual([net.links.filter((l) => l.sent.some((f) => f.type === "connect")).length, net.last.context.token()], [1, "t5"], "one connection; requests over HTTP show it too");
});

test("a token without an end is not renewed", async () => {
  const { bus, net, clock } = handBus({ getToken: () => "t" });
  bus.subscribe("a", () => {});
  await settle();
  net.last.accept();
  await clock.advance(600 * MINUTES);
  assert.ok(!net.last.sent.some((f) => f.type === "refresh"));
});

test("getToken that fails when it is time is asked again when the server says that the time is over, and by reconnects", async () => {
  let asked = 0;
  const getToken = async () => {
    if (++asked === 2 || asked === 3) throw new Error("offline");
    return `t${asked}`;
  };
  const { bus, net, clock, server } = servedBus({ getToken });
  server.ttl = 5 * MINUTES;
  bus.subscribe("a", () => {});
  await clock.advance(5 * MINUTES);
  assert.deepEqual([asked, bus.status.state], [2, "connected"]);
  const session = [...server.sessions.keys()];
  const { warn } = await captured(async () => {
    server.say({ type: "error", code: "token_expired", message: "", hint: "", retry: true });
    await settle();
  });
  assert.deepEqual([asked, warn], [3, []]);
  net.last.receive({ type: "disconnect", code: "token_expired", reason: "", retry: true });
  await clock.advance(1_000);
  assert.deepEqual([asked, server.tokens, [...server.sessions.keys()]], [4, ["t1", "t4"], session]);
});

test("after sleep the next token comes before the reconnect", async () => {
  const { net, clock, link, asked } = await signedIn();
  clock.sleep(30 * MINUTES);
  link.lost();
  await clock.advance(1_000);
  assert.deepEqual([asked(), net.last === link, net.last.sent[0]?.token], [2, false, "t2"]);
  net.last.accept({ resumed: true, generation: 2, ttl: 5 * MINUTES });
  assert.ok(!net.last.sent.some((f) => f.type === "refresh"), "the connect said it");
});

test("a refresh that a cut left without an answer is not said again: the connect has the newest token", async () => {
  const { bus, net, clock, link } = await signedIn();
  await bus.refresh();
  assert.equal(link.sent.at(-1)?.type, "refresh");
  bus.debug.cut();
  await clock.advance(1_000);
  net.last.accept({ resumed: true, generation: 2 });
  assert.deepEqual(net.last.sent.map((f) => [f.type, f.token]), [["connect", "t2"], ["subscribe", undefined]]);
});

for (const [code, retry, state] of [["unauthorized", false, "closed"], ["token_expired", true, "waiting"], ["backend_unavailable", true, "waiting"]] as const) {
  test(`a renewal that is answered ${code}: ${state}`, async () => {
    const { bus, link, clock } = await signedIn();
    await bus.refresh();
    const { id } = link.sent.at(-1)!;
    link.receive({ type: "error", id, code, message: "m", hint: "", retry });
    assert.deepEqual([bus.status.state, bus.status.error?.code], [state, code]);
    bus.close();
    assert.equal(clock.pending, 0);
  });
}

test("a refresh with another user's token is final, by the server's word", async () => {
  const { bus, link, clock, net } = await signedIn();
  await bus.refresh();
  link.receive({ type: "disconnect", code: "forbidden", reason: "the token is of another user", retry: false });
  await clock.advance(10 * MINUTES);
  assert.deepEqual([bus.status.state, bus.status.error?.code, net.links.length], ["closed", "forbidden", 1]);
});

test("sign-in and sign-out: null is nobody; what refresh resolves after is judged by the new token", async () => {
  let token: GivenToken = null;
  const { bus, net } = handBus({ getToken: () => token });
  bus.subscribe("a", () => {});
  await settle();
  net.last.accept();
  assert.equal(net.last.flush()[0]?.token, undefined);
  token = "ann";
  const told = bus.refresh();
  bus.subscribe("early", () => {});
  await told;
  bus.subscribe("inbox/ann", () => {});
  assert.deepEqual(net.last.flush().map((f) => f.token ?? f.channel), ["early", "ann", "inbox/ann"]);
  token = null;
  await bus.refresh();
  assert.deepEqual(net.last.flush().map((f) => [f.type, f.token]), [["refresh", null]]);
});

test("a refresh that cannot ask rejects, and changes nothing", async () => {
  const { bus, link } = await signedIn((n) => (n === 1 ? "t1" : Promise.reject(new Error("offline"))));
  await assert.rejects(bus.refresh(), /offline/);
  assert.deepEqual([bus.status.state, link.flush().length, link.context.token()], ["connected", 0, "t1"]);
});

test("a fixed token whose time is over is final, and nothing asks for ever", async () => {
  const { bus, net, clock } = handBus({ token: "x" });
  bus.subscribe("a", () => {});
  await settle();
  net.last.accept({ ttl: 1_000 });
  net.last.receive({ type: "disconnect", code: "token_expired", reason: "over", retry: true });
  assert.deepEqual([bus.status.state, bus.status.error?.code, clock.pending], ["closed", "token_expired", 0]);
});

test("a close leaves no timer of a token behind", async () => {
  const { bus, clock } = await signedIn();
  const { warn, error } = await captured(() => bus.close());
  assert.deepEqual([clock.pending, warn, error], [0, [], []]);
});

test("nothing is lost or doubled while the user signs in and out", async () => {
  let token: GivenToken = null;
  const { bus, server } = servedBus({ getToken: () => token });
  const heard: unknown[] = [];
  bus.subscribe("a", (n) => void heard.push(n), { onGap: () => heard.push("gap") });
  await settle();
  for (let n = 1; n <= 6; n++) {
    server.publish("a", n);
    if (n % 2) token = token ? null : "ann";
    await bus.refresh();
    server.publish("a", n + 0.5);
    await settle();
  }
  assert.deepEqual(heard, [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5]);
  assert.equal(server.sessions.size, 1);
});

const listen = ({ bus }: TestTab, channel = "a") => {
  const heard: number[] = [];
  bus.subscribe(channel, (_, __, m: Message) => void heard.push(m.offset), { onGap: () => heard.push(-1) });
  return heard;
};

test("five tabs: one token for each to know who it is, and then one for all of them each time", async () => {
  const w = world();
  w.server.ttl = 5 * MINUTES;
  let asked = 0;
  const getToken = () => jwt("ann", ++asked);
  const tabs = Array.from({ length: 5 }, () => w.open({ getToken }));
  const logs = tabs.map((tab) => listen(tab));
  await w.clock.advance(1_000);
  assert.deepEqual([asked, w.live(), w.server.tokens.length], [5, 1, 1]);
  await w.clock.advance(20 * MINUTES);
  const periods = w.server.tokens.length - 1;
  assert.deepEqual([periods, asked, w.live(), w.server.sessions.size], [4, 5 + 4, 1, 1]);
  w.server.publish("a", 1);
  await settle();
  assert.deepEqual(logs, Array(5).fill([1]));
  tabs[0]!.close();
  await w.clock.advance(1_000);
  assert.deepEqual([asked, w.live()], [10, 1], "who takes over asks once");
});

test("with a name of the identity a follower asks for nothing", async () => {
  const w = world();
  w.server.ttl = 5 * MINUTES;
  let asked = 0;
  const tabs = Array.from({ length: 5 }, () => w.open({ tabs: "ann", getToken: () => jwt("ann", ++asked) }));
  for (const tab of tabs) listen(tab);
  await w.clock.advance(9 * MINUTES);
  assert.deepEqual([asked, w.live()], [3, 1]);
});

test("a leader that has only a fixed token gives way to one that can get another", async () => {
  const w = world();
  const fixed = w.open({ token: jwt("ann", 1) });
  listen(fixed);
  await w.clock.advance(100);
  let asked = 0;
  const other = w.open({ getToken: () => jwt("ann", ++asked) });
  const heard = listen(other);
  await w.clock.advance(100);
  assert.deepEqual([fixed.bus.status.tab, other.bus.status.tab, asked], ["leader", "follower", 1]);
  w.server.publish("a", 1);
  fixed.net.last.receive({ type: "disconnect", code: "token_expired", reason: "", retry: true });
  w.server.publish("a", 2);
  await w.clock.advance(20_000);
  assert.deepEqual([fixed.bus.status.state, other.bus.status.tab, other.bus.status.state, heard], ["closed", "leader", "connected", [1, 2]]);
});

test("a leader whose getToken fails for good hands over, once the token is over, to a tab that gets one; where none does they take turns slowly", async () => {
  const w = world();
  let broken = [false, false];
  const asked = [0, 0];
  const tabs = [0, 1].map((i) =>
    w.open({
      getToken: async () => {
        asked[i]!++;
        if (broken[i]) throw new Error("offline");
        return jwt("ann", asked[i]);
      },
    }),
  );
  const logs = tabs.map((tab) => listen(tab));
  await w.clock.advance(60_000);
  assert.equal(tabs[0]!.bus.status.tab, "leader");
  const leader = tabs[0]!;
  const over = () => [...w.server.sessions.values()].forEach((s) => s.link?.receive({ type: "disconnect", code: "token_expired", reason: "", retry: true }));
  broken = [true, false];
  await assert.rejects(leader.bus.refresh(), /offline/);
  assert.deepEqual([leader.bus.status.tab, leader.bus.status.state], ["leader", "connected"], "the old token counts yet");
  w.server.publish("a", 1);
  over();
  w.server.publish("a", 2);
  await w.clock.advance(30_000);
  assert.deepEqual([tabs.map((t) => t.bus.status.tab), tabs.map((t) => t.bus.status.state), logs], [["follower", "leader"], ["connected", "connected"], [[1, 2], [1, 2]]]);
  broken = [true, true];
  const before = asked[0]! + asked[1]!;
  over();
  await w.clock.advance(60_000);
  assert.ok(asked[0]! + asked[1]! - before < 45, `${asked}`);
  broken = [false, false];
  await w.clock.advance(60_000);
  w.server.publish("a", 3);
  await settle();
  assert.deepEqual([logs, w.live()], [[[1, 2, 3], [1, 2, 3]], 1]);
});

test("a tab that signs in goes to the tabs of that user, and back when it signs out; the others stay", async () => {
  const w = world();
  let user: GivenToken = null;
  const guest = w.open({ getToken: () => null });
  const ann = w.open({ getToken: () => jwt("ann") });
  const tab = w.open({ getToken: () => user });
  const heard = [guest, ann, tab].map((t) => listen(t));
  await w.clock.advance(1_000);
  assert.equal(w.live(), 2);
  for (const [next, with_] of [[jwt("ann"), ann], [null, guest]] as const) {
    w.server.publish("a", 1);
    user = next;
    await tab.bus.refresh();
    w.server.publish("a", 2);
    await w.clock.advance(5_000);
    assert.deepEqual([tab.bus.status.state, tab.bus.status.tab, with_.bus.status.tab, w.live()], ["connected", "follower", "leader", 2]);
  }
  assert.deepEqual(heard, Array(3).fill([1, 2, 3, 4]));
});

test("a leader that signs in hands its place to the next tab, and a refresh of the same user is one word on the wire", async () => {
  const w = world();
  let user = jwt("ann", 1);
  const tab = w.open({ getToken: () => user });
  const next = w.open({ getToken: () => jwt("ann", 1) });
  const heard = [tab, next].map((t) => listen(t));
  await w.clock.advance(1_000);
  user = jwt("ann", 2);
  await tab.bus.refresh();
  await settle();
  assert.deepEqual(w.server.tokens, [jwt("ann", 1), jwt("ann", 2)]);
  assert.equal(w.server.sessions.size, 1);
  user = jwt("bob");
  await tab.bus.refresh();
  w.server.publish("a", 1);
  await w.clock.advance(5_000);
  assert.deepEqual([tab.bus.status.tab, next.bus.status.tab, w.live(), heard], ["leader", "leader", 2, [[1], [1]]]);
  assert.equal(tab.net.last.sent[0]?.token, user);
});

test("F73: getToken that never settles has failed after 30 s: waiting, with the reason, and asked again", async () => {
  let asked = 0;
  const { bus, net, clock } = servedBus({ getToken: () => (++asked === 1 ? new Promise(() => {}) : "t") });
  bus.subscribe("a", () => {});
  await clock.advance(29_999);
  assert.deepEqual([asked, bus.status.state, net.links.length], [1, "connecting", 0]);
  await clock.advance(1);
  assert.deepEqual([bus.status.state, bus.status.error?.code, bus.status.error?.message], ["waiting", "unauthorized", "getToken failed: Error: no answer in 30000 ms"]);
  await clock.advance(8_000);
  assert.deepEqual([asked, bus.status.state], [2, "connected"]);
  bus.close();
  assert.equal(clock.pending, 0);
});

test("F73: a token that is long in coming is asked for anew as soon as somebody looks at the page", async () => {
  let asked = 0;
  const { bus, clock } = servedBus({ getToken: () => (++asked === 1 ? new Promise(() => {}) : "t") });
  bus.subscribe("a", () => {});
  await clock.advance(1_000);
  bus.debug.release(); // what focus and online do
  assert.equal(asked, 1, "one second is not long");
  await clock.advance(1_500);
  bus.debug.release();
  await clock.advance(10);
  assert.deepEqual([asked, bus.status.state], [2, "connected"]);
  bus.close();
});

test("F73: where tabs share, a token that never comes has failed after 30 s, or when somebody looks", async () => {
  for (const looks of [false, true]) {
    const w = world();
    let asked = 0;
    const page = new EventTarget();
    Object.assign(globalThis, { document: new EventTarget(), addEventListener: page.addEventListener.bind(page) });
    const tab = w.open({ getToken: () => (++asked === 1 ? new Promise(() => {}) : jwt("ann")) });
    tab.bus.subscribe("a", () => {});
    await w.clock.advance(3_000);
    assert.deepEqual([asked, tab.bus.status.state], [1, "connecting"]);
    if (looks) page.dispatchEvent(new Event("online"));
    else await w.clock.advance(30_000);
    await w.clock.advance(2_000);
    assert.deepEqual([asked > 1, tab.bus.status.state], [true, "connected"], `looks: ${looks}`);
    tab.close();
    for (const name of ["document", "addEventListener"]) delete (globalThis as Record<string, unknown>)[name];
  }
});
