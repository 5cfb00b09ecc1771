// Unmodified clients of Socket.IO: the same program runs against the original server and against Tidings, and what came
// and went over the wire is compared, packet by packet and field by field, with what the client's application saw.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { call, client, connected, endAll, next, plain } from "./client.mjs";
import { original, tidings } from "./servers.mjs";

const programs = {
  "connects, and leaves": async (server) => {
    const socket = client(server);
    await connected(socket);
    socket.disconnect();
    return [socket];
  },
  "connects with auth": async (server) => {
    const socket = client(server, { auth: { more: { a: [1] } } });
    await connected(socket);
    socket.disconnect();
    return [socket];
  },
  "is refused with a wrong token": async (server) => {
    const socket = client(server, { auth: { token: "wrong" } });
    const error = await next(socket, "connect_error");
    assert.equal(error.message, "the token is not a JWT of three parts");
    return [socket];
  },
  "is refused in a namespace that there is not": async (server) => {
    const socket = client(server, { namespace: "/admin" });
    const error = await next(socket, "connect_error");
    assert.equal(error.message, "Invalid namespace");
    return [socket];
  },
  "emits before it is connected": async (server) => {
    const socket = client(server);
    socket.emit("no callback", 1);
    assert.deepEqual(await call(socket, "greet", "Ann"), ["hello Ann"]);
    socket.disconnect();
    return [socket];
  },
  "emits events that are answered": async (server) => {
    const socket = client(server);
    await connected(socket);
    const got = [await call(socket, "greet", "Ann"), await call(socket, "add", 2, 3), await call(socket, "nothing"), await call(socket, "lines")];
    assert.deepEqual(got, [["hello Ann"], [null, 5], [], ["\u2028 \u2029 é \u0000 \"quoted\" <&>"]]);
    assert.equal(await socket.timeout(20_000).emitWithAck("greet", "<b>"), "hello <b>");
    socket.disconnect();
    return [socket];
  },
  "hears an event for all, and one for it alone": async (server) => {
    const [ann, bob] = [client(server), client(server)];
    await Promise.all([connected(ann), connected(bob)]);
    const all = Promise.all([next(ann, "news"), next(bob, "news")]);
    server.send("news", { n: 1, text: "\u2028é <&>" });
    assert.deepEqual(await all, [{ n: 1, text: "\u2028é <&>" }, { n: 1, text: "\u2028é <&>" }]);
    const mine = next(ann, "for you");
    bob.on("for you", () => assert.fail("an event for another"));
    server.send("for you", ["a", 1], ann.id);
    assert.deepEqual(await mine, ["a", 1]);
    await call(bob, "nothing");
    ann.disconnect();
    bob.disconnect();
    return [ann, bob];
  },
  "is ended for good, and does not come back": async (server) => {
    const socket = client(server);
    await connected(socket);
    const reason = next(socket, "disconnect");
    server.end(socket.id, false);
    assert.equal(await reason, "io server disconnect");
    return [socket];
  },
  "is ended, and comes back": async (server) => {
    const socket = client(server);
    await connected(socket);
    const reason = next(socket, "disconnect");
    const back = next(socket.io, "reconnect");
    server.end(socket.id, true);
    assert.equal(await reason, "transport close");
    await back;
    await connected(socket);
    await call(socket, "nothing");
    socket.disconnect();
    return [socket];
  },
};

const limit = { timeout: 40_000 };
const ways = { "over WebSockets": { transports: ["websocket"] }, "by polling": { transports: ["polling"] } };

describe("clients of Socket.IO", { timeout: 240_000 }, () => {
  let both = [];
  before(async () => (both = await Promise.all([original(), tidings()])));
  afterEach(endAll);
  after(() => Promise.all(both.map((server) => server.stop())));

  for (const [way, options] of Object.entries(ways))
    for (const [name, program] of Object.entries(programs))
      test(`${name}, ${way}`, limit, async () => {
        const [want, got] = await Promise.all(both.map(async (server) => (await program({ ...server, options })).map((socket) => plain(socket.record))));
        assert.deepEqual(got, want);
        assert.ok(want.flat().length > 2, "nothing was recorded");
      });

  test("an event that nobody takes is answered, where the original is silent", async () => {
    const socket = client(both[1], ways["over WebSockets"]);
    const [fault] = await call(socket, "unheard-of");
    assert.equal(fault.name, "NotFound");
  });

  test("sending to a client that is not there is an error for the sender", async () => {
    await assert.rejects(both[1].api("send", { connection: "nobody-here", event: "x", data: 1 }), /not_found/);
  });
});
