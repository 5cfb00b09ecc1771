// A page of pakyow-realtime 0.11, which has the browser's own WebSocket and no package: this is its protocol as it is
// described. Its backend puts it in channels before its socket is there.
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";

import { serve } from "../../../clientjs/e2e/tidings.mjs";

const secret = "a secret of the pages of these tests";
let server;
before(async () => (server = await serve({ TIDINGS_CONNECTION_IDS_SECRET: secret })));
after(() => server.stop());

/** The id of a page as the application renders it into data-socket-connection-id. */
function connectionID(page, session, key = secret) {
  const signed = `${page}~${createHash("sha256").update(session).digest("base64url")}`;
  return `${signed}~${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

async function api(path, body) {
  const answer = await fetch(`${server.url}/api/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  assert.ok(answer.ok, await answer.clone().text());
}

class Page {
  static async open(id) {
    const p = new Page();
    p.socket = new WebSocket(`ws://127.0.0.1:${server.port}/?socket_connection_id=${encodeURIComponent(id)}`);
    p.got = [];
    p.socket.on("message", (text) => (p.got.push(JSON.parse(text)), p.wake?.()));
    await once(p.socket, "open");
    return p;
  }

  async next() {
    while (!this.got.length) await new Promise((resolve) => (this.wake = resolve));
    return this.got.shift();
  }

  async ask(request) {
    this.socket.send(typeof request === "string" ? request : JSON.stringify(request));
    return this.next();
  }
}

test("a page hears the channels that its routes put it in, and no others", async () => {
  const session = "the session of ann";
  await api("subscribe", { connection: "page-of-ann-00000001", channels: ["chat", "news/local"] });
  const page = await Page.open(connectionID("page-of-ann-00000001", session));
  assert.deepEqual(await page.ask({ id: "1", action: "ping", input: {} }), { id: "1", status: 200, headers: {}, body: "pong" });
  await server.publish("elsewhere", 0);
  await server.publish("chat", { text: "hello" });
  assert.deepEqual(await page.next(), { payload: { text: "hello" }, channel: "chat" });
  await api("publish", { pattern: "news/*", data: "late" });
  assert.deepEqual(await page.next(), { payload: "late", channel: "news/local" });
  await api("send", { connection: "page-of-ann-00000001", event: "private", data: [1] });
  assert.deepEqual(await page.next(), { payload: [1], channel: "private" });
  page.socket.close();
});

test("with an id that the application did not sign a page connects, and hears nothing", async () => {
  const session = "the session of bob";
  await api("subscribe", { session, channels: ["chat"] });
  const page = await Page.open(connectionID("page-of-bob-00000001", session, "the secret of somebody else"));
  await server.publish("chat", { text: "hello" });
  assert.deepEqual(await page.ask({ id: "1", action: "ping" }), { id: "1", status: 200, headers: {}, body: "pong" });
  assert.deepEqual(page.got, []);
  page.socket.close();
});

test("what is no request, and what there is not, is answered", async () => {
  const page = await Page.open(connectionID("page-of-cy-000000001", "the session of cy"));
  assert.equal((await page.ask("nonsense")).status, 400);
  assert.deepEqual(await page.ask({ id: "2" }), { id: "2", status: 400, headers: {}, body: '"action" is missing' });
  for (const request of [{ id: "3", action: "call-route", method: "get", uri: "/greet/cy", input: {} }, { id: "4", action: "vote" }, { id: "5", action: "fetch-view" }]) {
    const answer = await page.ask(request);
    assert.deepEqual([answer.id, answer.status], [request.id, 501], JSON.stringify(answer));
  }
  page.socket.close();
});
