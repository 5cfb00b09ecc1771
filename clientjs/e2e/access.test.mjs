// Tokens end to end: the real binary with tokens and rules, pages in Chromium whose getToken gives tokens of seconds.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chrome, closeChrome, until } from "./clients.mjs";
import { serve } from "./tidings.mjs";

const secret = "a secret of these tests, of more than 32 bytes";
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token of HS256 that is good for so many seconds. */
function token(sub, seconds = 3, more = {}) {
  const now = Math.floor(Date.now() / 1000);
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub, iss: "tests", aud: "tidings", iat: now, exp: now + seconds, ...more })}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

const rules = `
rules:
  subscribe: nobody
  channels:
    "news": {subscribe: anyone}
    "inbox/{user}": {subscribe: user}
    "admin/**": {subscribe: "role:admin"}
joins: {authenticated: ["user/{user}"]}
`;

describe("tokens in Chromium", { timeout: 120_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), "tidings-access-"));
  let server;
  const opened = [];
  afterEach(async () => {
    for (const context of opened.splice(0)) await context.close();
  });
  before(async () => {
    writeFileSync(join(scratch, "tidings.yaml"), rules);
    server = await serve({ TIDINGS_TOKENS_ISSUER: "tests", TIDINGS_TOKENS_AUDIENCE: "tidings", TIDINGS_TOKENS_SECRET: secret }, undefined, ["--config", join(scratch, "tidings.yaml")]);
  });
  after(async () => {
    await closeChrome();
    await server?.stop();
    rmSync(scratch, { recursive: true });
  });

  /** A browser whose pages ask `give` for their tokens. */
  async function browser(give) {
    const context = await (await chrome()).newContext();
    opened.push(context);
    const asked = [];
    await context.exposeFunction("getToken", () => {
      asked.push(Date.now());
      return give(asked.length);
    });
    return { context, asked };
  }

  /** A page in it that listens to channels, and to those that the server puts it in. */
  async function open({ context }, channels, options = { tabs: false }) {
    const page = await context.newPage();
    await page.goto(`${server.url}/healthz`);
    await page.evaluate(
      async ({ channels, options }) => {
        const { createMessageBus } = await import("/client/tidings.js");
        // As an import map would make it.
        const text = (await (await fetch("/client/joined.js")).text());
        const { onJoined } = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
        const log = (window.log = []);
        const bus = (window.bus = createMessageBus({ ...options, getToken: () => window.getToken() }));
        onJoined(bus, (data, channel) => log.push(`${channel} ${data}`));
        window.listen = (channel) =>
          new Promise((done) => bus.subscribe(channel, (data) => log.push(`${channel} ${data}`), { onGap: () => log.push("gap"), onSubscribed: () => done("heard"), onError: ({ code }) => (log.push(`${channel} ${code}`), done(code)) }));
        bus.onStatus(({ state }) => state === "closed" && log.push("closed"));
        await Promise.all(channels.map((c) => window.listen(c)));
      },
      { channels, options },
    );
    return {
      page,
      log: () => page.evaluate(() => window.log),
      status: () => page.evaluate(() => ({ state: window.bus.status.state, code: window.bus.status.error?.code, tab: window.bus.status.tab })),
      run: (what, arg) => page.evaluate(what, arg),
      hears: (...lines) => until(`it hears ${lines}`, async () => { const log = await page.evaluate(() => window.log); return lines.every((l) => log.includes(l)); }),
    };
  }

  const connections = async (query = "") => (await (await fetch(`${server.url}/api/connections${query}`)).json()).connections.filter((c) => c.state === "linked");
  const of = async (user) => (await connections(`?user=${user}`)).map((c) => c.connection);

  for (const transport of ["websocket", "sse", "poll"]) {
    test(`over ${transport} a token is renewed in time, on the same connection, and nothing is lost`, async () => {
      const user = `u-${transport}`;
      const b = await browser(() => token(user));
      const tab = await open(b, [`inbox/${user}`], { tabs: false, transports: [transport] });
      const [first, ...others] = await of(user);
      assert.deepEqual(others, []);
      const resumes = await server.metric("tidings_resumes_total");
      let n = 0;
      while (b.asked.length < 4) {
        await server.publish(`inbox/${user}`, ++n);
        await sleep(100);
      }
      await server.publish(`user/${user}`, "put");
      await tab.hears(`user/${user} put`, `inbox/${user} ${n}`);
      assert.deepEqual(await of(user), [first], "the same connection as at first");
      assert.equal(await server.metric("tidings_resumes_total"), resumes);
      assert.deepEqual((await tab.log()).filter((l) => l.startsWith("inbox")), Array.from({ length: n }, (_, i) => `inbox/${user} ${i + 1}`));
      const waits = b.asked.slice(1).map((at, i) => at - b.asked[i]);
      assert.ok(waits.every((ms) => ms > 1_000), `${waits}`); // of 3 s, less up to one that its start was rounded down
    });

    test(`over ${transport} a page signs in and out while it is connected`, async () => {
      const user = `s-${transport}`;
      let current = null;
      const b = await browser(() => current);
      const tab = await open(b, ["news"], { tabs: false, transports: [transport] });
      assert.equal(await tab.run(() => window.listen("inbox/x")), "forbidden");
      assert.deepEqual(await of(user), []);
      current = token(user, 600);
      const before = (await connections("?channel=news")).map((c) => c.connection);
      await tab.run(() => window.bus.refresh());
      assert.equal(await tab.run((c) => window.listen(c), `inbox/${user}`), "heard");
      assert.deepEqual([await of(user), (await connections("?channel=news")).map((c) => c.connection)], [before, before]);
      await server.publish(`inbox/${user}`, "mine");
      await server.publish("news", 1);
      await server.publish(`user/${user}`, "put");
      await tab.hears(`inbox/${user} mine`, `user/${user} put`, "news 1");
      current = null;
      await tab.run(() => window.bus.refresh());
      await tab.hears(`inbox/${user} forbidden`);
      await server.publish(`inbox/${user}`, "no more");
      await server.publish(`user/${user}`, "no more");
      await server.publish("news", 2);
      await tab.hears("news 2");
      assert.deepEqual((await tab.log()).filter((l) => /more|gap|closed/.test(l)), []);
      assert.deepEqual(await of(user), []);
    });
  }

  test("another user's token is final", async () => {
    let user = "ann";
    const b = await browser(() => token(user, 600));
    const tab = await open(b, ["news"]);
    user = "bob";
    await tab.run(() => window.bus.refresh());
    await until("the end", async () => (await tab.status()).state === "closed");
    assert.equal((await tab.status()).code, "forbidden");
    assert.deepEqual([await of("ann"), await of("bob")], [[], []]);
  });

  test("F64 a revoked user is sent away for good, hears why, and nothing further", async () => {
    const last = token("eve", 600); // who issues them gives eve no new one
    const b = await browser(() => last);
    const tab = await open(b, ["inbox/eve"]);
    await server.publish("inbox/eve", 1);
    await tab.hears("inbox/eve 1");
    const r = await fetch(`${server.url}/api/revoke`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ user: "eve" }) });
    assert.equal((await r.json()).connections, 1);
    await server.publish("inbox/eve", 2);
    await until("the end", async () => (await tab.status()).state === "closed");
    assert.deepEqual([(await tab.status()).code, (await tab.log()).filter((l) => l.startsWith("inbox")), await of("eve")], ["unauthorized", ["inbox/eve 1", "inbox/eve unauthorized"], []]);
  });

  test("F63 a page that slept through the end of its token comes with another one, resumes, and lost nothing", async () => {
    const b = await browser(() => token("zoe", 2));
    const tab = await open(b, ["inbox/zoe"]);
    const refused = () => server.metric("tidings_transport_refused_total", { code: "token_expired" });
    const [first] = await of("zoe");
    const before = await refused();
    const asked = b.asked.length;
    await tab.run(() => window.bus.debug.hold());
    for (let n = 1; n <= 3; n++) await server.publish("inbox/zoe", n);
    await sleep(2_500);
    assert.equal(b.asked.length, asked, "nobody asks while it is away");
    await tab.run(() => window.bus.debug.release());
    await tab.hears("inbox/zoe 3");
    assert.deepEqual((await tab.log()).filter((l) => !l.startsWith("user")), ["inbox/zoe 1", "inbox/zoe 2", "inbox/zoe 3"]);
    assert.deepEqual([await of("zoe"), await refused(), b.asked.length >= asked + 1], [[first], before, true], "the same connection, and the old token was never shown");
  });

  test("a tab that signs in leaves the others' connection for one of its user, and comes back when it signs out; nothing is lost", async () => {
    const user = "kim";
    let who = null;
    const b = await browser(() => who);
    const tabs = [await open(b, ["news"], {}), await open(b, ["news"], {})];
    const linked = async () => [(await connections("?channel=news")).length, (await of(user)).length];
    const both = async (line) => { for (const tab of tabs) await tab.hears(line); };
    const stands = (want) => until(`connections ${want}`, async () => String(await linked()) === String(want));
    await stands([1, 0]);
    await server.publish("news", "a");
    await both("news a");
    who = token(user, 600);
    const refreshed = tabs[0].run(() => window.bus.refresh()); // it leads, and hands that over
    await server.publish("news", "b");
    await refreshed;
    await stands([2, 1]);
    await server.publish("news", "c");
    await server.publish(`user/${user}`, "mine");
    await both("news c");
    await tabs[0].hears(`user/${user} mine`);
    who = null;
    await tabs[0].run(() => window.bus.refresh());
    await stands([1, 0]);
    await server.publish("news", "d");
    await both("news d");
    for (const tab of tabs) assert.deepEqual((await tab.log()).filter((l) => /^(news|gap|closed)/.test(l)), ["news a", "news b", "news c", "news d"]);
    assert.ok(!(await tabs[1].log()).some((l) => l.startsWith("user/")));
  });

  test("five tabs ask once each for who they are, and then once for all of them each time", async (t) => {
    const b = await browser(() => token("tim", 4));
    const tabs = [];
    for (let i = 0; i < 5; i++) tabs.push(await open(b, ["inbox/tim"], {}));
    await until("one connection", async () => (await of("tim")).length === 1);
    const start = b.asked.length;
    assert.ok(start <= 5 + 2, `${start} times at the start`);
    await sleep(12_000);
    const more = b.asked.length - start;
    t.diagnostic(`getToken: ${start} times by 5 tabs at the start, then ${more} times in 12 s with tokens of 4 s`);
    assert.ok(more >= 2 && more <= 6, `${more} times`); // each for itself would be 15 to 25
    await server.publish("inbox/tim", 1);
    for (const tab of tabs) await tab.hears("inbox/tim 1");
    assert.deepEqual([(await of("tim")).length, (await Promise.all(tabs.map((tab) => tab.status()))).filter((s) => s.tab === "leader").length], [1, 1]);
  });
});
