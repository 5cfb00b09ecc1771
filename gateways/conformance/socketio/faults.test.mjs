// What goes wrong: messages that cannot be read, sockets that are misused, a server that goes away under npm's client.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, afterEach, before, describe, test } from "node:test";
import { serve } from "../../../clientjs/e2e/tidings.mjs";
import { call, client, connected, endAll, next, once } from "./client.mjs";
import { original, tidings } from "./servers.mjs";

const WebSocket = createRequire(import.meta.url)("ws");
const limit = { timeout: 40_000 };
const handshake = "/socket.io/?EIO=4&transport=websocket";

/** A socket without Socket.IO, with what it heard; it is in the namespace unless `bare`. */
async function raw(url, bare) {
  const socket = new WebSocket(url + handshake);
  socket.heard = [];
  socket.on("message", (data) => socket.heard.push(String(data)));
  socket.on("error", () => {});
  await once(socket, "message");
  if (!bare) {
    socket.send("40");
    await once(socket, "message");
  }
  socket.heard = [];
  return socket;
}

describe("B141 bad input at /socket.io/", { timeout: 240_000 }, () => {
  let server, other, mine;
  before(async () => ([server, other, mine] = await Promise.all([serve({ TIDINGS_ALLOWED_HOSTS: "127.0.0.1" }), original(), tidings()])));
  after(() => Promise.all([server.stop(), other.stop(), mine.stop()]));

  const ends = {
    "binary": { send: (s) => s.send(Buffer.from("x"), { binary: true }), number: 1003, final: true },
    "a binary packet": { send: (s) => s.send('451-["a",{"_placeholder":true,"num":0}]'), number: 1003, final: true },
    "too long": { send: (s) => s.send(`42["${"x".repeat(70_000)}"]`), number: 1009, final: true },
    "what cannot be read": { send: (s) => s.send("42{"), number: 4501, final: true },
    "another namespace's packet": { send: (s) => s.send('42/admin,["a"]'), number: 4514, final: true },
    "another gateway's words": { send: (s) => s.send('"primus::id::"'), number: 4501, final: true },
    "a flood": { send: (s) => Array.from({ length: 20_000 }, () => s.send("3")), number: 4008, final: false },
  };
  for (const [name, { send, number, final }] of Object.entries(ends))
    test(name, limit, async () => {
      const socket = await raw(server.url);
      send(socket);
      const [code] = await once(socket, "close");
      assert.equal(code, number);
      assert.deepEqual(socket.heard, final ? ["41"] : []);
    });

  test("an event before the namespace ends the connection, without a word", limit, async () => {
    const socket = await raw(server.url, true);
    socket.send('42["a"]');
    await once(socket, "close");
    assert.deepEqual(socket.heard, []);
    assert.equal((await server.metric("tidings_gateway_malformed_total", { gateway: "socketio" })) > 0, true);
  });

  for (const [name, [options, query]] of Object.entries({
    "another origin": [{ origin: "https://evil.example" }, ""],
    "another name of the server": [{ headers: { host: "evil.example" } }, ""],
    "a token in the URL": [{}, "&token=secret"],
  }))
    test(name, limit, async () => {
      const [error] = await once(new WebSocket(server.url + handshake + query, options), "error");
      assert.match(error.message, query ? /400/ : /403/);
      assert.ok(!Buffer.concat(server.log).includes("secret"), "the token is in the log");
    });

  // What Engine.IO answers to what is no handshake, which is compared with what the original does.
  for (const query of ["", "?EIO=4", "?EIO=4&transport=carrier-pigeon", "?EIO=4&transport=websocket", "?EIO=4&transport=websocket&sid=unknown", "?transport=websocket&EIO=3", "?transport=polling", "?transport=polling&EIO=3", "?EIO=4&transport=polling&sid=unknown"])
    test(`GET /socket.io/${query}`, limit, async () => {
      const [want, got] = await Promise.all(
        [other, server].map(async ({ url }) => {
          const answer = await fetch(`${url}/socket.io/${query}`);
          return { status: answer.status, type: answer.headers.get("content-type"), body: await answer.text() };
        }),
      );
      assert.deepEqual(got, want);
    });

  // Requests of one client that polls, to both servers: what is answered is compared, but for ids and bounds.
  const talks = {
    "begins with a POST": async (ask) => [await ask("POST", "", "40")],
    "speaks and hears": async (ask) => {
      const begun = await ask("GET", "");
      const sid = /"sid":"([^"]+)"/.exec(begun.body)[1];
      return [begun, await ask("POST", sid, "40"), await ask("GET", sid), await ask("POST", sid, '421["greet","Ann"]'), await ask("GET", sid), await ask("POST", sid, "41\u001e1"), await ask("GET", sid)];
    },
  };
  for (const [name, talk] of Object.entries(talks))
    test(`B145 a client that polls ${name}`, limit, async () => {
      const [want, got] = await Promise.all(
        [other, mine].map(async ({ url }) => {
          const ask = async (method, sid, body) => {
            const answer = await fetch(`${url}/socket.io/?EIO=4&transport=polling${sid && `&sid=${sid}`}`, { method, body });
            return { status: answer.status, type: answer.headers.get("content-type"), body: await answer.text() };
          };
          return JSON.parse(JSON.stringify(await talk(ask)).replace(/sid\\":\\"[^"]+\\"/g, "sid").replace(/upgrades\\":\[[^\]]*\]/, "upgrades").replace(/maxPayload\\":\d+/, "maxPayload"));
        }),
      );
      assert.deepEqual(got, want);
    });

  test("Engine.IO 3 is refused in its form, and counted", limit, async () => {
    const counted = () => server.metric("tidings_gateway_unsupported_total", { gateway: "socketio", action: "engine.io 3" });
    const before = await counted();
    const [request, answer] = await once(new WebSocket(`${server.url}/socket.io/?EIO=3&transport=websocket`), "unexpected-response");
    let body = "";
    for await (const part of answer) body += part;
    request.destroy();
    assert.deepEqual([answer.statusCode, JSON.parse(body)], [400, { code: 5, message: "Unsupported protocol version" }]);
    assert.equal((await counted()) - before, 1);
  });

  test("the client's file is not here, and the answer says where it is", limit, async () => {
    const answer = await fetch(`${server.url}/socket.io/socket.io.js`);
    assert.equal(answer.status, 501);
    assert.match(await answer.text(), /socket\.io-client/);
  });
});

describe("a server that goes away", { timeout: 120_000 }, () => {
  afterEach(endAll);

  test("npm's client comes back by its own rules, and hears again", limit, async () => {
    const first = await serve({ TIDINGS_DRAIN: "0s", TIDINGS_JOINS_ANONYMOUS: "lobby" });
    const socket = client(first, { transports: ["websocket"] });
    await connected(socket);
    await call(socket, "anybody there"); // answered when the session has done what it does first
    const heard = next(socket, "lobby");
    await first.publish("lobby", "before");
    assert.equal(await heard, "before");
    const lost = next(socket, "disconnect");
    await first.stop();
    assert.equal(await lost, "transport close");
    const back = next(socket, "connect");
    const second = await serve({ TIDINGS_JOINS_ANONYMOUS: "lobby" }, first.port);
    await back;
    await call(socket, "anybody there");
    const again = next(socket, "lobby");
    await second.publish("lobby", "after");
    assert.equal(await again, "after");
    await second.stop();
  });
});
