// The ordinary programs of Kuzzle's realtime API, run by the unmodified SDK in Node against the real server.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";
import { WebSocket } from "ws";

import { serve } from "../../../clientjs/e2e/tidings.mjs";
import { Heard, connect, disconnectAll, next, token } from "./sdk.mjs";

const secret = "a secret of the conformance tests of 32 bytes";
let server;
before(async () => (server = await serve({ TIDINGS_TOKENS_SECRET: secret, TIDINGS_TOKENS_ISSUER: "tests", TIDINGS_TOKENS_AUDIENCE: "tidings" })));
after(() => (disconnectAll(), server.stop()));

const place = ["nyc-open-data", "yellow-taxi"];

/** Compares each field: those of `about` are of the right kind, all others as in want. */
function same(got, want, about = {}) {
  for (const [name, kind] of Object.entries(about)) {
    assert.equal(typeof got[name], kind, `${name} of ${JSON.stringify(got)}`);
    got = { ...got, [name]: undefined };
  }
  assert.deepEqual(JSON.parse(JSON.stringify(got)), want);
}

test("subscribe, publish, hear, count, unsubscribe", async () => {
  const kuzzle = await connect(server);
  const heard = new Heard();
  const room = await kuzzle.realtime.subscribe(...place, { equals: { licence: "B" } }, heard.hear);
  assert.equal(await kuzzle.realtime.count(room), 1);
  await kuzzle.realtime.publish(...place, { name: "Ann", licence: "A" });
  await kuzzle.realtime.publish(...place, { name: "Bob", licence: "B" }, { _id: "bob", volatile: { senderName: "Cy" } });
  const [got] = await heard.until(1);
  const { sdkInstanceId, sdkName, ...volatile } = got.volatile;
  assert.ok(sdkInstanceId && sdkName.startsWith("js@7"));
  assert.deepEqual(volatile, { senderName: "Cy" });
  const { createdAt, ...info } = got.result._source._kuzzle_info;
  assert.ok(Math.abs(createdAt - Date.now()) < 60_000);
  assert.deepEqual(info, { author: "-1" });
  assert.match(got.requestId, /^[0-9a-f-]{36}$/);
  assert.match(got.room, /^[\w-]{22}-411$/);
  same(
    { ...got, volatile: undefined, result: { ...got.result, _source: { ...got.result._source, _kuzzle_info: undefined } } },
    { type: "document", status: 200, action: "publish", scope: "in", event: "publish", index: place[0], collection: place[1], controller: "realtime", protocol: "websocket", result: { _id: "bob", _source: { name: "Bob", licence: "B" } } },
    { node: "string", requestId: "string", timestamp: "number", room: "string" },
  );
  await kuzzle.realtime.unsubscribe(room);
  await assert.rejects(kuzzle.realtime.unsubscribe(room), { status: 412, id: "core.realtime.not_subscribed", code: 65544 });
  kuzzle.disconnect();
});

test("what cannot be subscribed to is refused with every field of an error", async () => {
  const kuzzle = await connect(server);
  await assert.rejects(kuzzle.realtime.subscribe(...place, { nope: {} }, () => {}), (e) => {
    same({ message: e.message, status: e.status, id: e.id, code: e.code, props: e.props }, { message: '"nope": unknown keyword', status: 400, id: "api.assert.koncorde_dsl_error", code: 33619982, props: ['"nope": unknown keyword'] });
    return true;
  });
  await assert.rejects(kuzzle.realtime.subscribe(...place, {}, () => {}, { scope: "up" }), { status: 400, id: "core.realtime.invalid_scope", code: 65540 });
  await assert.rejects(kuzzle.realtime.subscribe(...place, {}, () => {}, { users: "some" }), { status: 400, id: "core.realtime.invalid_users", code: 65541 });
  await assert.rejects(kuzzle.query({ controller: "nope", action: "now" }), { status: 404, id: "api.process.controller_not_found", code: 33685508, message: 'API controller "nope" not found.' });
  await assert.rejects(kuzzle.query({ controller: "server", action: "nope" }), { status: 404, id: "api.process.action_not_found", code: 33685509 });
  await assert.rejects(kuzzle.query({ controller: "security", action: "getUser" }), (e) => e.status === 501 && e.message.includes("docs/gateways.md"));
  kuzzle.disconnect();
});

test("server:now, server:info and the current user", async () => {
  const kuzzle = await connect(server);
  assert.ok(Math.abs((await kuzzle.server.now()) - Date.now()) < 60_000);
  assert.match((await kuzzle.server.info()).serverInfo.kuzzle.version, /^2\./);
  assert.equal((await kuzzle.auth.getCurrentUser())._id, "-1");
  assert.deepEqual(await kuzzle.auth.checkToken(), { valid: true, kuid: "-1", expiresAt: null });
  kuzzle.disconnect();
});

test("users of a room are told who comes and goes", async () => {
  const [watcher, other] = [await connect(server), await connect(server)];
  const heard = new Heard();
  const filter = { exists: "users-of-a-room" };
  const room = await watcher.realtime.subscribe(...place, filter, heard.hear, { users: "all" });
  const theirs = await other.realtime.subscribe(...place, filter, () => {});
  assert.equal(theirs, room);
  const [came] = await heard.until(1);
  same(came, { type: "user", status: 200, user: "in", result: { count: 2 }, volatile: null, index: place[0], collection: place[1], controller: "realtime", action: "subscribe", protocol: "websocket", room: `${room}-111` }, { node: "string", timestamp: "number" });
  await other.realtime.unsubscribe(theirs);
  const [, left] = await heard.until(2);
  same({ user: left.user, count: left.result.count, action: left.action }, { user: "out", count: 1, action: "unsubscribe" });
  watcher.disconnect();
  other.disconnect();
});

test("a native client and one of Kuzzle hear each other", async () => {
  const kuzzle = await connect(server);
  const [heard, native] = [new Heard(), new Heard()];
  await kuzzle.realtime.subscribe("i", "mixed", {}, heard.hear);
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/bus/ws?channel=documents/i/mixed`);
  socket.on("message", (text) => [JSON.parse(text)].flat().forEach((f) => f.type === "message" && native.hear(f)));
  await once(socket, "message");
  await server.publish("documents/i/mixed", { from: "backend" });
  const [got] = await heard.until(1);
  same({ result: got.result, volatile: got.volatile, event: got.event }, { result: { _id: null, _source: { from: "backend" } }, volatile: null, event: "publish" });
  await kuzzle.realtime.publish("i", "mixed", { from: "kuzzle" });
  const [, message] = await native.until(2);
  assert.equal(message.data.from, "kuzzle");
  assert.equal(message.data._info.author, "-1");
  socket.close();
  kuzzle.disconnect();
});

test("signed in by a token: its user is the author, and its end is told", async () => {
  const kuzzle = await connect(server);
  const heard = new Heard();
  kuzzle.jwt = token(secret, { sub: "ann", iss: "tests", aud: "tidings", exp: Math.floor(Date.now() / 1000) + 6 });
  await kuzzle.realtime.subscribe(...place, { exists: "of-ann" }, heard.hear);
  await kuzzle.realtime.publish(...place, { "of-ann": 1 });
  const [got] = await heard.until(1);
  assert.equal(got.result._source._kuzzle_info.author, "ann");
  assert.equal((await kuzzle.auth.getCurrentUser())._id, "ann");
  await next(kuzzle, "tokenExpired");
  assert.equal(kuzzle.jwt, null);
  kuzzle.jwt = token("another secret", { sub: "ann", iss: "tests", aud: "tidings", exp: Math.floor(Date.now() / 1000) + 60 });
  await assert.rejects(kuzzle.realtime.publish(...place, {}), { status: 401, id: "security.token.invalid" });
  kuzzle.disconnect();
});

test("the network is lost and comes back, with all subscriptions", async () => {
  const kuzzle = await connect(server);
  const heard = new Heard();
  await kuzzle.realtime.subscribe(...place, { exists: "after-a-cut" }, heard.hear);
  const back = next(kuzzle, "reconnected");
  kuzzle.protocol.client.terminate();
  await next(kuzzle, "disconnected");
  await back;
  for (let n = 1; heard.all.length === 0; n++) await kuzzle.realtime.publish(...place, { "after-a-cut": n }); // it subscribes by and by
  kuzzle.disconnect();
});

test("a connection that is ended comes back: it is never closed with 1000", async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`);
  await once(socket, "open");
  for (let i = 0; i < 25; i++) socket.send("nonsense");
  const [number] = await once(socket, "close");
  assert.equal(number, 1011);
});

test("pings are answered behind a busy queue", async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`);
  await once(socket, "open");
  const publish = JSON.stringify({ controller: "realtime", action: "publish", index: "i", collection: "busy", body: { a: 1 } });
  for (let i = 0; i < 200; i++) socket.send(publish);
  socket.send('{"p":1}');
  socket.ping();
  const pong = new Promise((resolve) => socket.on("message", (text) => String(text) === '{"p":2}' && resolve()));
  await Promise.all([pong, once(socket, "pong")]);
  socket.close();
});

// The SDK listens to a channel only when the promise of its subscribe has run: a notification that comes together with
// the answer is lost. So each publish comes as early as it can. Several clients race beside each other.
test("what is published after subscribe resolved is heard, each time", async () => {
  const races = Number(process.env.KUZZLE_RACES ?? 200);
  const perClient = 50; // a connection may subscribe 100 times at once
  const race = async (from) => {
    const [kuzzle, publisher] = [await connect(server), await connect(server)];
    for (let i = from; i < Math.min(from + perClient, races); i++) {
      const heard = new Heard();
      const room = await kuzzle.realtime.subscribe("i", "races", { equals: { race: i } }, heard.hear);
      const published = (i % 2 ? kuzzle : publisher).realtime.publish("i", "races", { race: i });
      await heard.until(1);
      await published;
      await kuzzle.realtime.unsubscribe(room);
    }
    kuzzle.disconnect();
    publisher.disconnect();
  };
  const beside = 4;
  await Promise.all(
    Array.from({ length: beside }, async (_, lane) => {
      for (let from = lane * perClient; from < races; from += beside * perClient) await race(from);
    }),
  );
});

// While the client is busy others publish in its room. It then reads the answer and all that was said since in one go.
test("a client that is busy after its subscribe hears what was published meanwhile", async () => {
  const program = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { url, done } = workerData;
    const heard = async () => (await (await fetch(url + "/api/channels?prefix=documents/i/busy")).json()).channels.some((c) => c.subscribers > 0);
    const publish = async () => {
      await heard();
      parentPort.postMessage("ready");
      while (!(await heard()));
      const body = JSON.stringify({ channel: "documents/i/busy", data: { n: 1 } });
      await fetch(url + "/api/publish", { method: "POST", headers: { "content-type": "application/json" }, body });
      await new Promise((resolve) => setTimeout(resolve, 200)); // longer than a wait that is only a time
      Atomics.store(done, 0, 1);
      Atomics.notify(done, 0);
    };
    publish();`;
  const done = new Int32Array(new SharedArrayBuffer(4));
  const others = new Worker(program, { eval: true, workerData: { url: server.url, done } });
  await once(others, "message");
  const kuzzle = await connect(server);
  const heard = new Heard();
  const subscribed = kuzzle.realtime.subscribe("i", "busy", {}, heard.hear);
  assert.notEqual(Atomics.wait(done, 0, 0, 60_000), "timed-out"); // this thread reads nothing meanwhile
  await subscribed;
  const [got] = await heard.until(1);
  assert.deepEqual(got.result._source, { n: 1 });
  kuzzle.disconnect();
});
