// The matrix: the client behind each of these proxies, in Node and in Chromium, while messages are published. A row is
// data: another proxy is one row more (F12, F19, F21, F23, F24 and F87 to F90 of docs/RELIABILITY.md). `MATRIX=write` puts the
// table into docs/PERFORMANCE.md.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { createMessageBus } from "../dist/tidings.js";
import { check } from "./checker.mjs";
import { caughtUp, chrome, closeChrome, until } from "./clients.mjs";
import { UPGRADE, apache, haproxy, nginx, own } from "./proxies.mjs";
import { Publisher, serve } from "./tidings.mjs";

/**
 * - `first`: what carries the first message, and `within` so many ms after `subscribe`
 * - `play`: what happens then; each change of transport is measured
 * - `carried`: what the server's counters must say carried messages; default: `first` alone
 * - `last`: what carries messages in the end; default: `first`; null for any
 * - `any`: whatever carried them, and however often the connection was taken up again
 * - `cuts`: how often the connection is taken up again, beside changes of transport; default 0
 */
const rows = [
  { name: "no proxy", proxy: own(), first: "websocket", within: 1_000 },
  { name: "nginx that passes WebSockets on, default buffering", proxy: nginx(...UPGRADE), first: "websocket", within: 1_000 },
  { name: "nginx, upgrade stripped (its defaults)", proxy: nginx(), first: "sse", within: 1_000 },
  { name: "nginx, upgrade stripped, X-Accel-Buffering ignored", proxy: nginx("proxy_ignore_headers X-Accel-Buffering;"), first: "poll", within: 3_500 },
  { name: "nginx that cuts after 5 s of silence", proxy: nginx(...UPGRADE, "proxy_read_timeout 5s;"), first: "websocket", within: 1_000, play: silence, cuts: 2 },
  { name: "HAProxy", proxy: haproxy(), first: "websocket", within: 1_000 },
  { name: "Apache", proxy: apache("upgrade=websocket"), first: "websocket", within: 1_000 },
  { name: "Apache, upgrade not passed on (its defaults)", proxy: apache(), first: "sse", within: 1_000 },
  { name: "answers 101 and eats every frame", proxy: own({ eats: true }), first: "sse", within: 1_000 },
  { name: "the same, and buffers streams until they end", proxy: own({ eats: true, buffers: true }), first: "poll", within: 3_500 },
  { name: "cuts each connection after 30 s", proxy: own({ cuts: 30_000 }), first: "websocket", within: 1_000, play: () => sleep(33_000), cuts: 1 },
  { name: "bans WebSockets in mid-session, and allows them again", proxy: own(), first: "websocket", within: 1_000, play: ban, carried: ["websocket", "sse"] },
  { name: "F87: drops each WebSocket frame above 2 KB", proxy: own({ drops: 2_000 }), first: "websocket", within: 1_000, play: large, last: "sse", any: true },
  { name: "F88: resets each connection after 20 KB", proxy: own({ resets: 20_000 }), first: "websocket", within: 1_000, play: backlog, last: null, any: true },
  { name: "F89: WebSockets go mute", proxy: own(), first: "websocket", within: 1_000, play: mute, last: null, any: true },
  { name: "F90: a firewall refuses a request", proxy: own({ bans: true, refuses: "DROP TABLE" }), first: "sse", within: 1_000, play: refuse },
];

const CLIENTS = { Node: nodeClient, Chromium: pageClient };
const RATE = 20;
const WRITE = process.env.MATRIX === "write";
/**
 * How much longer a first message may take on a machine that others use too. The figures of a quiet one are in
 * docs/PERFORMANCE.md, and held to `within` itself.
 */
const SLACK = WRITE ? 1 : 2;
/**
 * How often a row is played at most until its first message comes in time: a busy machine may stand still for a second.
 */
const TRIES = WRITE ? 1 : 3;
/**
 * Above this share of the messages a transport counts as one that carried them. On a quiet machine it is all or
 * nothing. On a busy one a WebSocket may take longer to open than SSE, which then carries some until the WebSocket,
 * which goes on opening, takes the session over: that is as it should be.
 */
const SHARE = WRITE ? 0 : 0.2;

/** Clients open one after another, so that the time to a first message is not that of all the others' start. */
let opening = Promise.resolve();
function alone(open) {
  const turn = opening.then(open);
  opening = turn.catch(() => {});
  return turn;
}

/**
 * Nothing is published for a while: two cuts teach the heartbeat, then there are none. On a busy machine, where moves
 * come in between, one or two more may be needed.
 */
async function silence({ publisher, cuts }) {
  publisher.pause();
  await until("two cuts", async () => (await cuts()) >= 2, 30_000);
  for (let more = WRITE ? 0 : 2, before = -1; before !== (await cuts()); more--) {
    assert.ok(more >= 0, "a silence was cut again, and again");
    before = await cuts();
    await sleep(12_000);
  }
  publisher.go();
}

async function ban({ proxy, switched }) {
  proxy.change({ bans: true });
  await switched("sse", 10_000);
  await sleep(1_000);
  proxy.change({ bans: false });
  await switched("websocket", 20_000);
}

/** Every 40th message is too large for a WebSocket frame here: the bus goes over to SSE, and hears them all. */
async function large({ publisher, switched }) {
  publisher.every = 40;
  await switched("sse", 15_000);
  await sleep(5_000);
}

/** More waits than one connection brings: it arrives all the same, piece by piece. */
async function backlog({ proxy, publisher, caughtUp }) {
  publisher.every = 2;
  proxy.change({ down: true });
  await sleep(4_000);
  publisher.every = 0;
  proxy.change({ down: false });
  await caughtUp(60_000 * SLACK); // 20 to 45 s on a quiet machine
  proxy.change({ resets: Infinity });
}

/** What is open passes nothing any more, while messages are due: heard again within 5 s, twice. */
async function mute({ proxy, heard }) {
  for (let n = 0; n < 2; n++) {
    await sleep(3_000);
    const before = await heard();
    const began = performance.now();
    proxy.mute();
    await sleep(200);
    const some = await heard();
    await until("messages again", async () => (await heard()) > some + 2, 20_000);
    assert.ok(performance.now() - began <= 5_000 * SLACK, `mute for ${(performance.now() - began).toFixed()} ms, after ${before} messages`);
  }
}

/** A request that a box refuses fails by itself; one behind it goes on, and messages keep coming. */
async function refuse({ publish, heard, status }) {
  const before = await heard();
  const [bad, good] = await Promise.all([publish("DROP TABLE visitors"), publish("fine")]);
  assert.deepEqual([bad, good], ["foreign_answer", "ok"]);
  assert.ok((await heard()) > before, "hearing goes on");
  assert.equal((await status()).state, "connected");
}

/** A bus in this process that notes what it hears, and when. */
async function nodeClient(url, channel) {
  const log = [];
  const bus = createMessageBus({ url: `${url}/bus`, WebSocket, tabs: false });
  const started = performance.now();
  let first;
  bus.subscribe(channel, (payload) => ((first ??= performance.now() - started), log.push({ message: payload, over: bus.status.transport })), { onGap: (gap) => log.push({ gap }) });
  return { log: async () => [...log], status: async () => bus.status, first: async () => first, publish: (text) => bus.publish("other", text).then(() => "ok", (e) => e.code), close: async () => bus.close() };
}

/** The same in a page of its own. */
async function pageClient(url, channel) {
  const page = await (await chrome()).newPage();
  await page.goto(`${url}/healthz`);
  await page.evaluate(async (channel) => {
    const { createMessageBus } = await import("/client/tidings.js");
    const log = (window.log = []);
    const bus = (window.bus = createMessageBus({ tabs: false }));
    const started = performance.now();
    bus.subscribe(channel, (payload) => ((window.first ??= performance.now() - started), log.push({ message: payload, over: bus.status.transport })), { onGap: (gap) => log.push({ gap }) });
  }, channel);
  return {
    log: () => page.evaluate(() => window.log),
    status: () => page.evaluate(() => ({ state: window.bus.status.state, transport: window.bus.status.transport, fallback: window.bus.status.fallback })),
    first: () => page.evaluate(() => window.first),
    publish: (text) => page.evaluate((text) => window.bus.publish("other", text).then(() => "ok", (e) => e.code), text),
    close: () => page.close(),
  };
}

/** A publisher that can be silent for a while. */
class Pausing extends Publisher {
  pause() {
    this.paused = true;
  }
  go() {
    this.paused = false;
  }
  /** Each `every`th message is large; 0: none. */
  every = 0;
  data(n) {
    return this.every && n % this.every === 0 ? { n, text: "x".repeat(3_000) } : { n };
  }
  one() {
    if (!this.paused) super.one();
  }
}

/** What each transport has carried, by the server's counters. */
async function carriedBy(server) {
  const carried = {};
  for (const transport of ["websocket", "sse", "poll"]) carried[transport] = await server.metric("tidings_transport_messages_total", { transport });
  return carried;
}

/** Plays one row with one client. Gives what it measured. */
async function play(row, where) {
  const channel = "matrix";
  const server = await serve();
  const proxy = await row.proxy(server.port);
  const publisher = new Pausing(server, channel, RATE);
  let client;
  try {
    await until("messages flow", () => publisher.log.length > 5);
    const first = await alone(async () => {
      client = await CLIENTS[where](proxy.url, channel);
      return until("a first message", () => client.first());
    });
    const opened = await client.status();
    // A busy machine may be too slow for the best one at first.
    if (!WRITE) await until(`connected over ${row.first}`, async () => (await client.status()).transport === row.first, 20_000);
    const before = await carriedBy(server);
    const resumed = await server.metric("tidings_resumes_total");
    const resumes = async () => (await server.metric("tidings_resumes_total")) - resumed;
    const switches = [];
    const switched = async (transport, limit) => {
      const began = performance.now();
      await until(`a message over ${transport}`, async () => (await client.log()).at(-1)?.over === transport && (await client.status()).transport === transport, limit);
      switches.push({ transport, ms: performance.now() - began });
    };
    await sleep(2_000);
    const top = async (limit) => {
      const { offset } = publisher.log.reduce((a, b) => (a.offset > b.offset ? a : b));
      const { n } = publisher.log.find((p) => p.offset === offset);
      await until("all that waited was heard", async () => (await client.log()).some((e) => e.message?.n === n), limit);
    };
    const heard = async () => (await client.log()).length;
    const { publish, status } = client;
    await row.play?.({ proxy, publisher, switched, caughtUp: top, heard, publish, status, cuts: () => server.metric("tidings_connections_lost_total") });
    await sleep(500);
    const { last = row.first } = row;
    if (last) await until(`in the end it is on the best there is, ${last}`, async () => (await client.status()).transport === last, 20_000);
    const published = await publisher.stop();
    const offsets = new Map(published.map((p) => [p.n, p.offset]));
    const log = await caughtUp(client, (n) => offsets.get(n), published.at(-1).offset);
    const verdict = check(published, log);
    const carried = await carriedBy(server);
    if (!WRITE) for (const transport in carried) carried[transport] -= before[transport];
    const sessions = (await server.metric("tidings_connections")) + (await server.metric("tidings_connections_parked"));
    const fallbacks = await server.metric("tidings_fallbacks_total", { transport: row.first });
    return { first, opened, switches, verdict, carried, sessions, resumes: await resumes(), fallbacks, failures: publisher.failures };
  } finally {
    await publisher.stop();
    await client?.close();
    await proxy.stop();
    await server.stop();
  }
}

async function timely(row, where) {
  for (let n = 1; ; n++) {
    const got = await play(row, where);
    if (n === TRIES || got.first <= row.within * SLACK) return got;
  }
}

describe("the matrix of proxies", { timeout: 240_000 }, () => {
  const runs = new Map();
  const key = (row, where) => `${row.name} (${where})`;

  before(async () => {
    await chrome();
    const all = rows.flatMap((row) => Object.keys(CLIENTS).map((where) => [row, where]));
    // The longest first, at most six at a time: times to a first message are not to be those of a busy machine.
    all.sort(([a], [b]) => !!b.play - !!a.play);
    const next = async () => {
      for (let one = all.shift(); one; one = all.shift()) runs.set(key(...one), await timely(...one).catch((error) => ({ error })));
    };
    await Promise.all(Array.from({ length: 6 }, next));
  });

  after(async () => {
    await closeChrome();
    if (WRITE) write(runs, key);
  });

  for (const row of rows) {
    for (const where of Object.keys(CLIENTS)) {
      test(key(row, where), (t) => {
        const got = runs.get(key(row, where));
        if (got.error) throw got.error;
        t.diagnostic(summary(got));
        assert.deepEqual([got.verdict.violations, got.verdict.gaps, got.failures], [[], 0, 0], "nothing lost, nothing twice, no gap");
        if (WRITE) assert.equal(got.opened.transport, row.first);
        assert.ok(got.first <= row.within * SLACK, `the first message came after ${got.first.toFixed()} ms`);
        const all = Object.values(got.carried).reduce((a, b) => a + b);
        const carried = Object.keys(got.carried).filter((name) => got.carried[name] > all * SHARE);
        if (row.any) return;
        assert.deepEqual(carried, row.carried ?? [row.first], "by the server's counters");
        assert.equal(got.sessions, 1, "candidates that lost left no session");
        const again = got.switches.length + (row.cuts ?? 0);
        assert.ok(got.resumes >= again && got.resumes <= again + (WRITE ? 2 : 6) && (again || !got.resumes), `taken up again ${got.resumes} times`);
        assert.equal(got.fallbacks, row.first === "websocket" ? 0 : 1, "the server knows that it is a fallback");
      });
    }
  }
});

const summary = ({ first, switches, carried, verdict }) =>
  [
    `first message ${first.toFixed()} ms`,
    ...switches.map((s) => `to ${s.transport} ${(s.ms / 1000).toFixed(1)} s`),
    Object.entries(carried).filter(([, n]) => n).map(([name, n]) => `${name} ${n}`).join(", "),
    `${verdict.messages} messages, ${verdict.violations.length} lost or twice`,
  ].join(" · ");

/** Puts the table under its heading in docs/PERFORMANCE.md. */
function write(runs, key) {
  const file = new URL("../../docs/PERFORMANCE.md", import.meta.url);
  const cell = (got) =>
    got.error ? ["failed", "", "", ""] : [
      `${got.first.toFixed()} ms`,
      got.switches.map((s) => `${s.transport} ${(s.ms / 1000).toFixed(1)} s`).join(", "),
      Object.entries(got.carried).filter(([, n]) => n).map(([name, n]) => `${name} ${n}`).join(", "),
      `${got.verdict.messages} / ${got.verdict.violations.length}`,
    ];
  const lines = rows.flatMap((row) => Object.keys(CLIENTS).map((where) => `| ${[row.name, where, ...cell(runs.get(key(row, where)))].join(" | ")} |`));
  const table = ["| proxy | client | first message | switched to, after | messages carried, by the server's counters | heard / lost or twice |", "|---|---|---|---|---|---|", ...lines].join("\n");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(/(<!-- matrix -->\n)[^]*?(\n<!-- \/matrix -->)/, (_, begin, end) => `${begin}${table}${end}`));
}
