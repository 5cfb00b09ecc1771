// Clients without a library, against the real binary: curl on a stream and on a poll, the EventSource of a browser, a
// WebSocket as wscat opens it. What they miss comes from the channel's history, by the cursor that they were given.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { check } from "./checker.mjs";
import { caughtUp, chrome, closeChrome, until } from "./clients.mjs";
import { cutter } from "./cutter.mjs";
import { Publisher, serve } from "./tidings.mjs";

/** Runs the real curl until it ends, or until `stop`. */
function curl(...args) {
  const child = spawn("curl", ["-sS", "--max-time", "30", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const run = { out: "", err: "", stop: () => child.kill() };
  child.stdout.setEncoding("utf8").on("data", (text) => (run.out += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (run.err += text));
  run.done = new Promise((resolve, reject) => child.once("error", reject).once("close", () => resolve(run.out)));
  return run;
}

/** The whole events of a stream: ids, and data as JSON. */
const events = (text) =>
  text
    .split("\n\n")
    .slice(0, -1)
    .map((block) => ({ id: /^id: (.*)$/m.exec(block)?.[1], data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? "null") }))
    .filter((e) => e.data);
const messages = (text) => events(text).filter((e) => e.data.type === "message");
const numbers = (text) => messages(text).map((e) => e.data.data.n);
const position = ({ epoch, offset, tag }) => `${epoch}:${offset}:${tag}`;

describe("plain clients", { timeout: 90_000 }, () => {
  let server;
  const publish = async (channel, ...ns) => {
    const answers = [];
    for (const n of ns) answers.push(await server.publish(channel, { n }));
    return answers;
  };

  before(async () => (server = await serve()));
  after(async () => {
    await closeChrome();
    await server.stop();
  });

  test("curl -N on /bus/sse: the first bytes at once, messages as they come, each with its position as id", async () => {
    const stream = curl("-N", `${server.url}/bus/sse?channel=plain/sse`);
    await until("subscribed", () => events(stream.out).some((e) => e.data.type === "subscribed"));
    const answers = await publish("plain/sse", 1, 2, 3);
    await until("three messages", () => messages(stream.out).length === 3);
    stream.stop();
    await stream.done;
    assert.deepEqual(messages(stream.out).map((e) => [e.data.data.n, e.id]), answers.map((a, i) => [i + 1, position(a)]));
  });

  for (const [name, args] of [
    ["Last-Event-ID", (url, id) => ["-H", `Last-Event-ID: ${id}`, url]],
    ["?cursor=", (url, id) => [`${url}&cursor=${encodeURIComponent(id)}`]],
  ]) {
    test(`curl -N goes on behind ${name}: what was missed, then what comes`, async () => {
      const channel = `plain/resume/${name.length}`;
      const [first] = await publish(channel, 1, 2, 3);
      const stream = curl("-N", ...args(`${server.url}/bus/sse?channel=${channel}`, position(first)));
      await until("the missed ones", () => numbers(stream.out).length === 2);
      await publish(channel, 4);
      await until("the live one", () => numbers(stream.out).length === 3);
      stream.stop();
      assert.deepEqual(numbers(await stream.done), [2, 3, 4]);
    });
  }

  test("curl -N on two channels: the id is a cursor of both", async () => {
    const url = `${server.url}/bus/sse?channel=plain/a&channel=plain/b`;
    const stream = curl("-N", url);
    await until("subscribed", () => events(stream.out).filter((e) => e.data.type === "subscribed").length === 2);
    await publish("plain/a", 1);
    await publish("plain/b", 2);
    await until("both", () => numbers(stream.out).length === 2);
    stream.stop();
    await publish("plain/a", 3);
    await publish("plain/b", 4);
    const again = curl("-N", "-H", `Last-Event-ID: ${messages(await stream.done).at(-1).id}`, url);
    await until("the missed ones", () => numbers(again.out).length === 2);
    await sleep(200);
    again.stop();
    assert.deepEqual(numbers(await again.done).sort(), [3, 4]);
  });

  test("a position that history no longer knows is told as a gap, not passed over", async () => {
    const [{ epoch }] = await publish("plain/gap", 1, 2);
    const stream = curl("-N", "-H", `Last-Event-ID: ${epoch}:1:wrong`, `${server.url}/bus/sse?channel=plain/gap`);
    await until("a gap", () => events(stream.out).some((e) => e.data.type === "gap"));
    stream.stop();
    const gap = events(await stream.done).find((e) => e.data.type === "gap").data;
    assert.deepEqual([gap.reason, gap.last.offset, gap.from.offset], ["position_unknown", 1, 2]);
    assert.deepEqual(numbers(stream.out), []);
  });

  test("curl on /bus/poll: waits for a message; its cursor brings the next ones, each once", async () => {
    const url = `${server.url}/bus/poll?channel=plain/poll`;
    const asked = await server.metric("tidings_transport_links", { transport: "poll" });
    const first = curl(url);
    await until("the poll is held", async () => (await server.metric("tidings_transport_links", { transport: "poll" })) > asked);
    await until("and subscribed", async () => (await server.metric("tidings_subscriptions")) > 0);
    await sleep(200);
    assert.equal(first.out, "", "nothing is answered before there is something to say");
    const [one] = await publish("plain/poll", 1);
    let answer = JSON.parse(await first.done);
    assert.deepEqual([answer.frames.map((f) => [f.type, f.data.n]), answer.cursor], [[["message", 1]], position(one)]);
    const got = [1];
    for (const ns of [[2, 3], [4], [5, 6, 7]]) {
      await publish("plain/poll", ...ns);
      answer = JSON.parse(await curl(`${url}&cursor=${encodeURIComponent(answer.cursor)}`).done);
      got.push(...answer.frames.map((f) => f.data.n));
    }
    assert.deepEqual(got, [1, 2, 3, 4, 5, 6, 7]);
    const late = curl(`${url}&cursor=${encodeURIComponent(answer.cursor)}`);
    await sleep(200);
    assert.equal(late.out, "");
    await publish("plain/poll", 8);
    assert.deepEqual(JSON.parse(await late.done).frames.map((f) => f.data.n), [8]);
  });

  test("a channel that is none, and a cursor that is none, are refused with what to do about it", async () => {
    for (const [query, code] of [["channel=a//b", "bad_channel"], ["channel=a&cursor=nonsense", "bad_cursor"], ["", "bad_request"]]) {
      for (const path of ["sse", "poll"]) {
        const { error } = JSON.parse(await curl(`${server.url}/bus/${path}?${query}`).done);
        assert.equal(error.code, code, `${path}?${query}: ${JSON.stringify(error)}`);
        assert.ok(error.hint);
      }
    }
  });

  test("a WebSocket as wscat opens it: connected and subscribed without a frame of its own", async () => {
    const [first] = await publish("plain/ws", 1);
    const frames = [];
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/bus/ws?channel=plain/ws`);
    socket.on("message", (data) => frames.push(...[JSON.parse(data)].flat()));
    const heard = (type) => frames.filter((f) => f.type === type);
    await until("subscribed", () => heard("subscribed").length);
    assert.equal(position(heard("subscribed")[0]), position(first), "from the top: what came before is not sent");
    await publish("plain/ws", 2, 3);
    await until("two messages", () => heard("message").length === 2);
    assert.deepEqual(heard("message").map((f) => f.data.n), [2, 3]);
    const parked = await server.metric("tidings_connections_parked");
    socket.terminate();
    await until("gone", async () => (await server.metric("tidings_connections", { transport: "websocket" })) === 0);
    assert.equal(await server.metric("tidings_connections_parked"), parked, "a plain client is not parked");
  });

  test("a WebSocket goes on behind ?cursor=", async () => {
    const [first] = await publish("plain/ws2", 1, 2, 3);
    const frames = [];
    const cursor = encodeURIComponent(position(first));
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/bus/ws?channel=plain/ws2&cursor=${cursor}`);
    socket.on("message", (data) => frames.push(...[JSON.parse(data)].flat()));
    await until("the missed ones", () => frames.filter((f) => f.type === "message").length === 2);
    assert.deepEqual(frames.filter((f) => f.type === "message").map((f) => f.data.n), [2, 3]);
    socket.terminate();
  });

  test("EventSource in Chromium comes back with Last-Event-ID and misses nothing: resets, and a cut of 4 s", async () => {
    const channel = "plain/eventsource";
    const net = await cutter(server.port);
    const page = await (await chrome()).newPage();
    await page.goto(`${net.url}/healthz`);
    await page.evaluate((channel) => {
      window.log = [];
      window.opened = 0;
      window.live = false;
      window.source = new EventSource(`/bus/sse?channel=${channel}`);
      source.onopen = () => window.opened++;
      source.onmessage = ({ data }) => {
        for (const f of [JSON.parse(data)].flat()) {
          if (f.type === "message") window.log.push({ message: f.data });
          if (f.type === "gap") window.log.push({ gap: f });
          if (f.type === "subscribed") window.live = true;
        }
      };
    }, channel);
    const client = {
      name: "EventSource",
      log: () => page.evaluate(() => window.log),
      status: () => page.evaluate(() => ({ readyState: window.source.readyState, opened: window.opened })),
    };
    await until("subscribed", () => page.evaluate(() => window.live));
    const replayed = await server.metric("tidings_messages_replayed_total");
    const publisher = new Publisher(server, channel, 50);
    await sleep(500);
    net.reset();
    await until("back after a reset", async () => (await client.status()).opened === 2);
    await sleep(300);
    net.cut();
    await sleep(4_000);
    net.heal();
    await until("back after the cut", async () => (await client.status()).opened === 3);
    await sleep(500);
    const published = await publisher.stop();
    const offsets = new Map(published.map((p) => [p.n, p.offset]));
    const verdict = check(published, await caughtUp(client, (n) => offsets.get(n), published.at(-1).offset));
    assert.deepEqual(verdict.violations, []);
    assert.deepEqual([verdict.gaps, verdict.messages, publisher.failures], [0, published.length, 0]);
    assert.ok((await server.metric("tidings_messages_replayed_total")) - replayed > 50, "history brought what was missed");
    await page.close();
    await net.close();
  });
});
