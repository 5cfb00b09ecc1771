// The same faults at the gateways of Primus and Pakyow, by sockets of their own, against the built binary: what is no
// message, what is too much, clients that do not read, URLs and handshakes that are refused, messages of other systems.
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { serve } from "../../../clientjs/e2e/tidings.mjs";

const secret = "a secret of the pages of these tests";
const page = `page-of-ann-00000001~${createHash("sha256").update("a session").digest("base64url")}`;
const pageID = `${page}~${createHmac("sha256", secret).update(page).digest("base64url")}`;
const limit = { timeout: 120_000 };

// Of each: its URL, a question with its answer, and the close number that it has for one of ours. Pages of Pakyow come
// back after any.
const gateways = {
  primus: { path: "/primus/", query: "?", ask: '"primus::id::"', answer: /^"primus::id::/, number: (code) => code },
  pakyow: { path: `/?socket_connection_id=${encodeURIComponent(pageID)}`, query: "&", ask: '{"id":"7","action":"ping"}', answer: /"id":"7","status":200/, number: () => 1011 },
};

// What no client of the gateway sends. Each is ignored or answered in the gateway's own words, and ends nothing.
const nonsense = {
  "no JSON": "hello",
  "half an object": '{"id":"1","action":',
  "two values": "{} {}",
  "a list": "[]",
  "null": "null",
  "depth": `{"id":"1","action":"x","data":${"[".repeat(5000)}${"]".repeat(5000)}}`,
  "thousands of members": `{"id":"1",${Array.from({ length: 6000 }, (_, i) => `"k${i}":0`).join()},"action":"x"}`,
  "an id that is an object": '{"id":{},"action":"ping","type":0,"data":["get","a"]}',
  "a frame of the native protocol": '{"type":"subscribe","id":1,"channel":"lobby"}',
  "a request of Kuzzle": '{"requestId":"q","controller":"server","action":"now"}',
  "a packet of Socket.IO": '42["message",{}]',
  "a push of Pakyow": '{"payload":{},"channel":"lobby"}',
  "a word of Primus": '"primus::server::close"',
};

async function open(server, { path }, options) {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, options);
  socket.on("error", () => {});
  socket.heard = [];
  socket.on("message", (data) => {
    socket.heard.push(String(data));
    socket.wake?.();
  });
  socket.until = async (pattern) => {
    for (let found; ; await new Promise((resolve) => (socket.wake = resolve))) if ((found = socket.heard.find((text) => pattern.test(text)))) return found;
  };
  await once(socket, "open");
  return socket;
}

for (const [name, gateway] of Object.entries(gateways))
  describe(`B142 faults at the gateway of ${name}`, { timeout: 600_000 }, () => {
    let server;
    before(async () => (server = await serve({ TIDINGS_ALLOWED_HOSTS: "127.0.0.1", TIDINGS_CONNECTION_IDS_SECRET: secret, TIDINGS_JOINS_ANONYMOUS: "lobby", TIDINGS_DRAIN: "1s" })));
    after(() => server.stop());

    for (const [what, message] of Object.entries(nonsense))
      test(`${what}: the next question is answered`, limit, async () => {
        const socket = await open(server, gateway);
        socket.send(message);
        socket.send(gateway.ask);
        await socket.until(gateway.answer);
        for (const text of socket.heard) JSON.parse(text);
        socket.terminate();
      });

    const ends = {
      "binary": { send: (s) => s.send(Buffer.from("x"), { binary: true }), number: 1003 },
      "too long": { send: (s) => s.send(JSON.stringify("x".repeat(70_000))), number: 1009 },
      "a text that is no UTF-8": { send: (s) => s.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false }), number: 1007 },
      "too many that cannot be read": { send: (s) => Array.from({ length: 21 }, () => s.send("{")), number: 4512 },
      "a flood": { send: (s) => Array.from({ length: 20_000 }, () => s.send(gateway.ask)), number: 4008 },
    };
    for (const [what, { send, number }] of Object.entries(ends))
      test(`${what}: the connection ends with ${gateway.number(number)}`, limit, async () => {
        const socket = await open(server, gateway);
        send(socket);
        const [code] = await once(socket, "close");
        assert.equal(code, gateway.number(number), socket.heard.slice(-2).join());
      });

    for (const [what, options] of Object.entries({ "another origin": { origin: "https://evil.example" }, "another name of the server": { headers: { host: "evil.example" } } }))
      test(`${what} is refused`, limit, async () => {
        const [error] = await once(new WebSocket(`ws://127.0.0.1:${server.port}${gateway.path}`, options), "error");
        assert.match(error.message, /403/);
      });

    for (const parameter of ["token", "access_token", "accessToken", "jwt"])
      test(`a token in the URL as ${parameter} is refused, and in no log`, limit, async () => {
        const [error] = await once(new WebSocket(`ws://127.0.0.1:${server.port}${gateway.path}${gateway.query}${parameter}=very.secret.token`), "error");
        assert.match(error.message, /400/);
        assert.ok(!Buffer.concat(server.log).toString().includes("very.secret.token"));
      });

    test("a client that does not read is cut, and others hear on", { timeout: 300_000 }, async () => {
      const [stuck, other] = [await open(server, gateway), await open(server, gateway)];
      stuck.send(gateway.ask);
      await stuck.until(gateway.answer);
      stuck.pause();
      const slow = async () => (await server.metric("tidings_slow_consumers_total")) + (await server.metric("tidings_transport_slow_total"));
      const data = "x".repeat(60_000);
      for (const was = await slow(); (await slow()) === was; ) for (let i = 0; i < 10; i++) await server.publish("lobby", data); // in turn: the other keeps up
      await server.publish("lobby", "the last");
      await other.until(/the last/);
      stuck.terminate();
      other.terminate();
    });

    test("a drain: closed with 1001, and nobody is told to stay away", limit, async () => {
      const socket = await open(server, gateway);
      socket.send(gateway.ask);
      await socket.until(gateway.answer);
      const closed = once(socket, "close");
      await server.stop();
      assert.equal((await closed)[0], 1001);
      assert.ok(!socket.heard.some((text) => text.includes("server::close")), socket.heard.join());
    });
  });
