// Reply channels against the real binary: a job that has the publish URL and nothing else, and a client in Node or in a
// page of Chromium that hears it, over each transport, through cuts, a lost session and a restart of the server.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { createMessageBus } from "../dist/tidings.js";
import { replyChannel } from "../dist/reply.js";
import { chrome, closeChrome, transports, until } from "./clients.mjs";
import { serve } from "./tidings.mjs";

const SECRET = "a-signing-secret-of-these-tests-0123456789";

/** What a job does with the URL: curl -d '{"event":…}' URL. */
async function post(url, event, data, more = {}) {
  const r = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ event, data, ...more }) });
  const body = await r.json();
  return r.ok ? body : body.error.code;
}

describe("reply channels", { timeout: 120_000 }, () => {
  let server;
  const buses = [];
  const connect = (names = transports, to = server) => {
    const bus = createMessageBus({ url: `${to.url}/bus`, transports: names, WebSocket });
    buses.push(bus);
    return bus;
  };
  before(async () => (server = await serve({ TIDINGS_PARK: "1s" })));
  after(async () => {
    for (const bus of buses) bus.close();
    await closeChrome();
    await server.stop();
  });

  for (const transport of transports) {
    test(`Node over ${transport}: progress, done, closed`, async () => {
      const progress = [];
      const reply = await replyChannel(connect([transport]), { onProgress: (p) => progress.push(p) });
      assert.match(reply.publishURL, new RegExp(`^${server.url}/api/reply\\?signature=[\\w-]+&to=[\\w.-]+$`));
      for (const percent of [10, 60]) assert.equal(typeof (await post(reply.publishURL, "progress", { percent })).offset, "number");
      const done = await post(reply.publishURL, "done", { file: "/exports/17" }, { idempotencyKey: "17" });
      assert.deepEqual(await reply.result, { file: "/exports/17" });
      assert.deepEqual(progress, [{ percent: 10 }, { percent: 60 }]);
      const again = await post(reply.publishURL, "done", { file: "/exports/17" }, { idempotencyKey: "17" });
      assert.deepEqual([again.duplicate, again.offset], [true, done.offset]);
      assert.equal(await post(reply.publishURL, "progress", 1), "channel_closed");
    });

    test(`Node over ${transport}: what came while the client was gone, beyond its session, is there when it is back`, async () => {
      const bus = connect([transport]);
      const progress = [];
      const reply = await replyChannel(bus, { onProgress: (p) => progress.push(p) });
      await post(reply.publishURL, "progress", 1);
      await until("the first", () => progress.length === 1);
      bus.debug.hold();
      for (const n of [2, 3]) await post(reply.publishURL, "progress", n);
      await sleep(1_500); // the session ends after 1 s
      await post(reply.publishURL, "done", "after all");
      bus.debug.release();
      assert.equal(await reply.result, "after all");
      assert.deepEqual(progress, [1, 2, 3]);
    });
  }

  test("an answer that is there before the subscribe is heard", async () => {
    const bus = connect();
    const { data, ...at } = await bus.request({ type: "call", method: "reply" });
    await post(new URL(data.publish, `${server.url}/bus`), "done", "early");
    const heard = await new Promise((resolve) => bus.subscribe(data.channel, (d, _, m) => resolve([d, m.event]), { since: at }));
    assert.deepEqual(heard, ["early", "done"]);
  });

  test("another client that learned the name's public part, or made one up, gets nothing", async () => {
    const reply = await replyChannel(connect());
    const other = connect();
    for (const channel of [reply.channel.replace(/\.[^.]+$/, ".AAAAAAAAAAAAAAAAAAAAAA"), "$reply/zzzzzz.a.b.c"]) {
      const error = await new Promise((resolve) => other.subscribe(channel, () => assert.fail(), { onError: resolve }));
      assert.equal(error.code, "forbidden");
      await assert.rejects(other.history(channel), { code: "forbidden" });
    }
    await assert.rejects(other.publish(reply.channel, 1), { code: "forbidden" });
    reply.close();
  });

  for (const [name, env, after] of [
    ["with a signing secret the channel lives on, and its job can still answer", { TIDINGS_SIGNING_SECRET: SECRET }, "done"],
    ["without one both are told that it is over", {}, "forbidden"],
  ]) {
    test(`after a restart of the server: ${name}`, async () => {
      let own = await serve(env);
      const bus = connect(transports, own);
      const said = [];
      const reply = await replyChannel(bus, { onDone: (d) => said.push(d), onError: (e) => said.push(e.code) });
      await post(reply.publishURL, "progress", 1);
      await own.stop("SIGKILL");
      own = await serve(env, own.port);
      const answer = await post(reply.publishURL, "done", "done");
      await until("the end", () => said.length > 0);
      assert.deepEqual(said, [after]);
      assert.equal(after === "forbidden" ? answer : typeof answer.offset, after === "forbidden" ? "forbidden" : "number");
      bus.close();
      await own.stop();
    });
  }

  /** A page of Chromium with a bus and a reply channel; gives the page and the publish URL. */
  async function pageWithReply(context) {
    const page = await context.newPage();
    page.on("pageerror", (e) => assert.fail(e));
    await page.goto(`${server.url}/healthz`);
    const url = await page.evaluate(async () => {
      const map = Object.assign(document.createElement("script"), { type: "importmap" });
      map.textContent = JSON.stringify({ imports: { tidings: "/client/tidings.js", "tidings/reply": "/client/reply.js" } });
      document.head.append(map);
      const [{ createMessageBus }, { replyChannel }] = await Promise.all([import("tidings"), import("tidings/reply")]);
      window.said = [];
      window.bus = createMessageBus();
      window.reply = await replyChannel(window.bus, { onProgress: (p) => window.said.push(p), onDone: (d) => window.said.push(d) });
      return window.reply.publishURL;
    });
    return { page, url, said: () => page.evaluate(() => window.said) };
  }

  test("a page of Chromium hands the URL over, sleeps, and finds the answer", async () => {
    const { page, url, said } = await pageWithReply(await chrome());
    await post(url, "progress", 1);
    await until("progress", async () => (await said()).length === 1);
    await page.evaluate(() => window.bus.debug.hold());
    await post(url, "progress", 2);
    await sleep(1_500);
    await post(url, "done", "there");
    await page.evaluate(() => window.bus.debug.release());
    assert.equal(await page.evaluate(() => window.reply.result), "there");
    assert.deepEqual(await said(), [1, 2, "there"]);
    await page.close();
  });

  test("two tabs that share a connection have a channel each; the one that is left hears its answer", async () => {
    const context = await (await chrome()).newContext();
    const [first, second] = [await pageWithReply(context), await pageWithReply(context)];
    await post(first.url, "progress", "of the first");
    await post(second.url, "progress", "of the second");
    await until("progress", async () => (await first.said()).length + (await second.said()).length === 2);
    assert.deepEqual([await first.said(), await second.said()], [["of the first"], ["of the second"]]);
    await first.page.close(); // it held the connection
    await post(second.url, "done", "there");
    assert.equal(await second.page.evaluate(() => window.reply.result), "there");
    assert.deepEqual(await second.said(), ["of the second", "there"]);
    await context.close();
  });
});
