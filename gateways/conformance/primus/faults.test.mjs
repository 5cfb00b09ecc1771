// What goes wrong: messages that cannot be read, sockets that are misused, a server that goes away under npm's client.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { serve } from "../../../clientjs/e2e/tidings.mjs";

const require = createRequire(import.meta.url);
const Primus = require("primus");
const emitter = require("primus-emitter");
const WebSocket = require("ws");
const Socket = Primus.createSocket({ transformer: "websockets", parser: "JSON", plugin: { emitter } });

const limit = { timeout: 40_000 };
const close = '"primus::server::close"';

/** A socket without Primus, with what it heard. */
async function raw(url, options) {
  const socket = new WebSocket(`${url}/primus/`, options);
  socket.heard = [];
  socket.on("message", (data) => socket.heard.push(String(data)));
  await once(socket, "open");
  return socket;
}

describe("B138 bad input at /primus", { timeout: 120_000 }, () => {
  let server;
  before(async () => (server = await serve({ TIDINGS_ALLOWED_HOSTS: "127.0.0.1" })));
  after(() => server.stop());

  const ends = {
    "binary": { send: (s) => s.send(Buffer.from("x"), { binary: true }), number: 1003, final: true },
    "too long": { send: (s) => s.send(JSON.stringify("x".repeat(70_000))), number: 1009, final: true },
    "too many that cannot be read": { send: (s) => Array.from({ length: 21 }, () => s.send("{")), number: 4512, final: true },
    "a flood": { send: (s) => Array.from({ length: 20_000 }, () => s.send('"primus::pong::1"')), number: 4008, final: false },
  };
  for (const [name, { send, number, final }] of Object.entries(ends))
    test(name, limit, async () => {
      const socket = await raw(server.url);
      socket.on("error", () => {});
      send(socket);
      const [code] = await once(socket, "close");
      assert.equal(code, number);
      assert.deepEqual(socket.heard, final ? [close] : []);
    });

  test("a message that cannot be read ends nothing", limit, async () => {
    const socket = await raw(server.url);
    for (const bad of ["{", "hello", "primus::pong::1", '{"type":0,"data":["error"],"id":1}', '{"type":0,"data":[null],"id":2}', `{"type":0,"data":["get","a",${"[".repeat(5000)}${"]".repeat(5000)}],"id":3}`, "[]", "null"]) socket.send(bad);
    socket.send('"primus::id::"');
    const [data] = await once(socket, "message");
    assert.match(String(data), /^"primus::id::/);
    assert.equal(await server.metric("tidings_gateway_malformed_total", { gateway: "primus" }) > 3, true);
    socket.close();
  });

  for (const [name, options] of Object.entries({ "another origin": { origin: "https://evil.example" }, "another name of the server": { headers: { host: "evil.example" } } }))
    test(name, limit, async () => {
      const [error] = await once(new WebSocket(`${server.url}/primus/`, options), "error");
      assert.match(error.message, /403/);
    });
});

/** Resolves when the session has done what it does first: it has put the client in its channels. */
const joined = (primus) => new Promise((resolve) => primus.send("anybody there", resolve));

describe("a server that goes away", { timeout: 120_000 }, () => {
  test("npm's client comes back by its own rules, and hears again", limit, async () => {
    const first = await serve({ TIDINGS_DRAIN: "0s", TIDINGS_JOINS_ANONYMOUS: "lobby" });
    const primus = new Socket(first.url, { manual: true, strategy: "disconnect,timeout", reconnect: { min: 20, max: 200, retries: 1000 } });
    const frames = [];
    primus.on("incoming::data", (text) => frames.push(String(text)));
    primus.on("error", () => {});
    primus.open();
    await once(primus, "open");
    await joined(primus);
    const heard = once(primus, "lobby");
    await first.publish("lobby", "before");
    assert.deepEqual(await heard, ["before"]);
    const lost = once(primus, "close");
    await first.stop();
    await lost;
    const back = once(primus, "reconnected"); // not before: it may have come back to the first one while that went
    assert.ok(!frames.includes(close), "a drain is no end for good");
    const second = await serve({ TIDINGS_JOINS_ANONYMOUS: "lobby" }, first.port);
    await back;
    await joined(primus);
    const again = once(primus, "lobby");
    await second.publish("lobby", "after");
    assert.deepEqual(await again, ["after"]);
    primus.end();
    await second.stop();
  });
});
