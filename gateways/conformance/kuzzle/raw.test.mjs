// What Kuzzle's guides have a user send over a WebSocket by hand, as they stand but for host and port; and what a server
// at the root of a port must refuse.
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";

import { serve } from "../../../clientjs/e2e/tidings.mjs";

let server;
before(async () => (server = await serve({ TIDINGS_ALLOWED_HOSTS: "127.0.0.1" })));
after(() => server.stop());

/** A client as wscat is one: it sends lines, and reads one message after the other. */
class Wscat {
  static async open() {
    const c = new Wscat();
    c.socket = new WebSocket(`ws://127.0.0.1:${server.port}`);
    c.got = [];
    c.socket.on("message", (text) => (c.got.push(JSON.parse(text)), c.wake?.()));
    await once(c.socket, "open");
    return c;
  }

  async next() {
    while (!this.got.length) await new Promise((resolve) => (this.wake = resolve));
    return this.got.shift();
  }

  async ask(line) {
    this.socket.send(line);
    return this.next();
  }

  close() {
    this.socket.close();
  }
}

const place = '"index":"nyc-open-data","collection":"yellow-taxi"';
const subscribe = (body, more = "") => `{"controller":"realtime","action":"subscribe",${place},"body":${body}${more}}`;
const publish = (body) => `{"controller":"realtime","action":"publish",${place},"body":${body},"volatile":{"senderName":"Ann"}}`;

for (const { name, filter, more, hears } of [
  { name: "everything", filter: "{}", hears: ["Jimmy", "Melis", "Tim"] },
  { name: "what has a licence", filter: '{"equals":{"licence":"B"}}', hears: ["Jimmy", "Melis"] },
  { name: "a licence and a car", filter: '{"and":[{"equals":{"licence":"B"}},{"equals":{"car":"berline"}}]}', hears: ["Melis"] },
  {
    name: "what enters a box",
    filter: '{"geoBoundingBox":{"position":{"topLeft":{"lat":40.759507,"lon":-73.985384},"bottomRight":{"lat":40.758372,"lon":-73.984591}}}}',
    more: ',"scope":"in"',
    hears: ["Tim"],
  },
]) {
  test(`a subscription to ${name}`, async () => {
    const c = await Wscat.open();
    const answer = await c.ask(subscribe(filter, more));
    assert.equal(answer.status, 200);
    assert.equal(answer.room, answer.requestId);
    const other = await Wscat.open();
    for (const body of ['{"name":"Jimmy","licence":"B"}', '{"name":"Melis","licence":"B","car":"berline"}', '{"name":"Tim","position":{"lat":40.759,"lon":-73.985}}']) {
      assert.deepEqual((await other.ask(publish(body))).result, { published: true });
    }
    for (const driver of hears) {
      const n = await c.next();
      assert.equal(n.result._source.name, driver);
      assert.deepEqual([n.type, n.event, n.scope, n.result._id, n.volatile], ["document", "publish", "in", null, { senderName: "Ann" }]);
      assert.deepEqual(Object.keys(n.result._source._kuzzle_info), ["author", "createdAt"]);
      assert.equal(n.room, answer.result.channel);
    }
    assert.deepEqual(c.got, []);
    c.close();
    other.close();
  });
}

test("a subscription to users, however it is written", async () => {
  const [c, other] = [await Wscat.open(), await Wscat.open()];
  const filter = '{"exists":"licence"}';
  await c.ask(subscribe(filter, ',"users":"all"'));
  await other.ask(subscribe(filter, ',"user":"all"')); // the guide writes it so in one place, and there it does nothing
  const n = await c.next();
  assert.deepEqual([n.type, n.user, n.result.count], ["user", "in", 2]);
  c.close();
  other.close();
});

test("a page of another origin, and a name that is not the server's, are refused", async () => {
  const refused = async (headers, path = "/") => {
    const req = request({ host: "127.0.0.1", port: server.port, path, headers: { upgrade: "websocket", connection: "Upgrade", "sec-websocket-version": "13", "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==", ...headers } });
    req.end();
    const answer = await Promise.race([once(req, "response"), once(req, "upgrade")]);
    answer[0].resume?.();
    return answer[0].statusCode;
  };
  assert.equal(await refused({}), 101);
  assert.equal(await refused({ origin: "https://evil.example" }), 403);
  assert.equal(await refused({ host: "evil.example", origin: "http://evil.example" }), 403); // a name that was made to lead here
  assert.equal(await refused({}, "/?token=secret"), 400);
  assert.equal(await refused({}, "/?jwt=secret"), 400);
  assert.ok(!Buffer.concat(server.log).includes("secret"));
});

test("messages that are too long, or binary, end the connection, and not with 1000", async () => {
  for (const [message, what] of [
    ["x".repeat(1024 * 1024 + 1), "long"],
    [Buffer.from([1, 2]), "binary"],
  ]) {
    const c = await Wscat.open();
    c.socket.send(message);
    const [number] = await once(c.socket, "close");
    assert.equal(number, 1011, what);
  }
});

test("metrics count the gateway's clients, and what they asked for in vain", async () => {
  const c = await Wscat.open();
  await c.ask('{"controller":"realtime","action":"join","body":{"roomId":"x"}}');
  await c.ask('{"controller":"security","action":"some text of a client"}');
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const lines = text.split("\n").filter((l) => l.includes("kuzzle") && !l.startsWith("#"));
  assert.ok(lines.some((l) => l.includes("realtime:join") && l.endsWith(" 1")), lines.join("\n"));
  assert.ok(lines.some((l) => l.includes('"security"') && l.endsWith(" 1")), lines.join("\n"));
  assert.ok(!text.includes("some text of a client"));
  c.close();
});
