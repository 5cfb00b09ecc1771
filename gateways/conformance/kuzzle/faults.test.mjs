// What a server at the root of a port must bear: messages of nobody, sockets that are misused.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";

import { serve } from "../../../clientjs/e2e/tidings.mjs";

const limit = { timeout: 60_000 };
const now = (id) => JSON.stringify({ requestId: id, controller: "server", action: "now" });

describe("B144 bad input at the root of a port", () => {
  let server;
  before(async () => (server = await serve({ TIDINGS_HEARTBEAT: "5s" })));
  after(() => server.stop());

  /** A socket without the SDK, with what it heard. */
  async function raw(options) {
    const socket = new WebSocket(server.url.replace("http", "ws"), options);
    socket.heard = [];
    socket.on("message", (text) => socket.heard.push(JSON.parse(text)));
    socket.on("error", () => {});
    await once(socket, "open");
    return socket;
  }

  const ends = {
    "21 messages that cannot be read": (s) => Array.from({ length: 21 }, () => s.send("{")),
    "a flood of requests": (s) => Array.from({ length: 20_000 }, (_, i) => s.send(now(`q${i}`))),
    "a message above 1 MiB": (s) => s.send("x".repeat(1024 * 1024 + 1)),
    "a binary message": (s) => s.send(Buffer.from("{}"), { binary: true }),
    "a frame that no client may send": (s) => s._socket.write(Buffer.from([0x81, 0x02, 0x7b, 0x7d])), // without a mask
  };
  for (const [name, send] of Object.entries(ends))
    test(`${name}: the connection ends, and not with 1000`, limit, async () => {
      const socket = await raw();
      const closed = once(socket, "close");
      send(socket);
      const [number] = await closed;
      assert.ok(number === 1011 || number === 1002 || number === 1006, `closed with ${number}`);
    });

  const answered = {
    "a million keys": `{"requestId":"q","controller":"realtime","action":"publish","index":"i","collection":"c","body":{${Array.from({ length: 60_000 }, (_, i) => `"k${i}":0`).join()}}}`,
    "depth": `{"requestId":"q","body":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    "a message of Primus": '"primus::pong::1700000000000"',
    "a packet of Socket.IO": '42["message","hello"]',
    "a frame of Tidings": '{"type":"subscribe","id":1,"channel":"documents/i/c"}',
    "a call of Pakyow": '{"id":"1","action":"call-route","method":"get","uri":"/"}',
  };
  for (const [name, message] of Object.entries(answered))
    test(`${name}: answered with an error, and nothing ends`, limit, async () => {
      const socket = await raw();
      socket.send(message);
      await once(socket, "message");
      socket.send(now("q2"));
      await once(socket, "message");
      assert.ok(socket.heard[0].error.status === 400, JSON.stringify(socket.heard[0]));
      assert.equal(socket.heard[1].status, 200);
      socket.close();
    });

  test("a socket that answers no pings is cut, and one that does is not", limit, async () => {
    const [silent, there] = [await raw({ autoPong: false }), await raw()];
    const [number] = await once(silent, "close");
    assert.notEqual(number, 1000);
    there.send(now("q"));
    await once(there, "message");
    assert.equal(there.heard[0].status, 200);
    there.close();
  });
});
