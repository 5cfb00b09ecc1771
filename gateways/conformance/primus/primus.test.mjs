// Unmodified clients of Primus and primus-emitter: the same program runs against the original server and against
// Tidings, and what came and went over the wire is compared, frame by frame and field by field.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { original, tidings } from "./servers.mjs";

const require = createRequire(import.meta.url);
const Primus = require("primus");
const emitter = require("primus-emitter");
const WebSocket = require("ws");

const Npm = Primus.createSocket({ transformer: "websockets", parser: "JSON", plugin: { emitter } });

/** A client, with a record of the frames that it sends and hears and of the events that it has. */
function client(server, options = {}) {
  const record = [];
  const primus = new (server.Client ?? Npm)(server.url, { manual: true, strategy: "disconnect", reconnect: { min: 10, max: 50 }, ...options });
  primus.on("outgoing::data", (text) => record.push(["→", text]));
  primus.on("incoming::data", (text) => record.push(["←", text]));
  for (const event of ["open", "close", "end", "reconnect scheduled", "reconnected"]) primus.on(event, () => record.push([event]));
  primus.record = record;
  primus.open();
  return primus;
}

/** Resolves with the first argument of the next event of that name. */
const next = async (primus, event) => (await once(primus, event))[0];
const id = (primus) => new Promise((resolve) => primus.id(resolve));
const call = (primus, ...args) => new Promise((resolve) => primus.send(...args, (...answer) => resolve(answer)));

// Objects of this module's making: Primus' client parses in a context of its own.
const own = (value) => JSON.parse(JSON.stringify(value));

// What differs from run to run: ids of sparks and times.
const plain = (record) => record.map((entry) => entry.map((word) => (typeof word === "string" ? word.replace(/primus::id::[^"]+/, "primus::id::ID").replace(/(primus::p[io]ng::)\d+/, "$1TIME") : word)));

const programs = {
  "connects, and ends": async (server) => {
    const primus = client(server);
    await next(primus, "open");
    primus.end();
    await new Promise(setImmediate);
    return [primus];
  },
  "asks for its id": async (server) => {
    const primus = client(server);
    await next(primus, "open");
    assert.match(await id(primus), /^[\w-]{8,}$/);
    primus.end();
    return [primus];
  },
  "writes before it is open": async (server) => {
    const primus = client(server);
    primus.write({ plain: "data" });
    primus.send("no callback", 1);
    await next(primus, "open");
    await id(primus);
    primus.end();
    return [primus];
  },
  "sends events that are answered": async (server) => {
    const primus = client(server);
    await next(primus, "open");
    const got = [await call(primus, "greet", "Ann"), await call(primus, "add", 2, 3), await call(primus, "nothing"), await call(primus, "lines")];
    assert.deepEqual(own(got), [["hello Ann"], [null, 5], [], ["\u2028 \u2029 é \u0000 \"quoted\""]]);
    primus.end();
    return [primus];
  },
  "hears an event for all, and one for it alone": async (server) => {
    const [ann, bob] = [client(server), client(server)];
    await Promise.all([next(ann, "open"), next(bob, "open")]);
    const [annId] = [await id(ann), await id(bob)];
    const all = Promise.all([next(ann, "news"), next(bob, "news")]);
    server.send("news", { n: 1, text: "\u2028é" });
    assert.deepEqual(own(await all), [{ n: 1, text: "\u2028é" }, { n: 1, text: "\u2028é" }]);
    const mine = next(ann, "for you");
    bob.on("for you", () => assert.fail("an event for another"));
    server.send("for you", ["a", 1], annId);
    assert.deepEqual(own(await mine), ["a", 1]);
    await id(bob);
    ann.end();
    bob.end();
    return [ann, bob];
  },
  "is ended for good, and does not come back": async (server) => {
    const primus = client(server);
    await next(primus, "open");
    server.end(await id(primus), false);
    await next(primus, "end");
    return [primus];
  },
  "is ended, and comes back": async (server) => {
    const primus = client(server);
    await next(primus, "open");
    const open = next(primus, "reconnected");
    server.end(await id(primus), true);
    await open;
    await id(primus);
    primus.end();
    return [primus];
  },
  "ignores the names of Primus' own events": async (server) => {
    const primus = client(server);
    await next(primus, "open");
    primus.on("error", () => {});
    primus.write({ type: 0, data: ["error", "x"], id: 1 });
    primus.write({ type: 0, data: "no array", id: 2 });
    primus.write({ type: 0, data: ["greet", "x"], id: "no number" });
    primus.write({ type: 7, data: ["greet", "x"], id: 3 });
    primus.write({ type: 1, id: 99, data: [] });
    primus.write("primus::other::word");
    await id(primus);
    primus.end();
    return [primus];
  },
};

describe("clients of Primus", { timeout: 120_000 }, () => {
  let both = [];
  before(async () => (both = await Promise.all([original(), tidings()])));
  after(() => Promise.all(both.map((server) => server.stop())));

  for (const [name, program] of Object.entries(programs))
    test(name, async () => {
      const [want, got] = await Promise.all(both.map(async (server) => (await program(server)).map((primus) => plain(primus.record))));
      assert.deepEqual(got, want);
      assert.ok(want.flat().length > 1, "nothing was recorded");
    });

  test("an event that nobody takes is answered, where the original is silent", async () => {
    const primus = client(both[1]);
    await next(primus, "open");
    const [fault] = await call(primus, "unheard-of");
    assert.equal(fault.name, "NotFound");
    primus.end();
  });

  test("sending to a spark that is not there is an error for the sender", async () => {
    await assert.rejects(both[1].api("send", { connection: "nobody-here", event: "x", data: 1 }), /not_found/);
  });

  for (const path of ["/primus/spec", "/primus/", "/primus", "/primus/other"])
    test(`GET ${path}`, async () => {
      const [want, got] = await Promise.all(
        both.map(async ({ url }) => {
          const answer = await fetch(url + path);
          return { status: answer.status, type: answer.headers.get("content-type"), cache: answer.headers.get("cache-control"), body: await answer.text() };
        }),
      );
      assert.deepEqual(got, want);
    });

  test("a URL with a token is refused", async () => {
    const socket = new WebSocket(`${both[1].url}/primus/?token=secret`);
    const [error] = await once(socket, "error");
    assert.match(error.message, /400/);
  });
});

// Of npm's client: what its own parts use of each other, and plugins of clients.
const lacking = (
  "AVOID_WEBSOCKETS NETWORK_EVENTS ark authorization client clone critical decoder disconnect emitter encoder getMaxListeners heartbeat initialise merge parse pipe plugin " +
  "prependListener prependOnceListener protocol querystring querystringify rawListeners recovery setMaxListeners socket timeout timers transforms transport uri"
).split(" ");

// What a page gets that loads /primus/primus.js is compared with npm's client at the original server, events included.
describe("the client of /primus/primus.js", { timeout: 120_000 }, () => {
  let both = [];
  before(async () => {
    both = await Promise.all([original(), tidings()]);
    const answer = await fetch(`${both[1].url}/primus/primus.js`);
    assert.equal(answer.headers.get("content-type"), "text/javascript; charset=utf-8");
    const source = await answer.text();
    assert.ok(gzipSync(source, { level: 9 }).length <= 5 * 1024, `it has ${gzipSync(source, { level: 9 }).length} bytes`);
    const page = { WebSocket, URL, setTimeout, clearTimeout, location: { href: both[1].url } };
    page.self = page;
    runInNewContext(source, page);
    both[1].Client = page.Primus;
  });
  after(() => Promise.all(both.map((server) => server.stop())));

  for (const [name, program] of Object.entries(programs))
    test(name, async () => {
      const [want, got] = await Promise.all(both.map(async (server) => (await program(server)).map((primus) => plain(primus.record))));
      assert.deepEqual(own(got), want);
    });

  // The package has no declarations: what its client has is the measure.
  test("has what npm's client has, but for a list", () => {
    const there = (Client) => {
      const primus = new Client(both[0].url, { manual: true });
      const names = new Set(Object.keys(primus));
      for (let object = Object.getPrototypeOf(primus); object && object.constructor.name !== "Object"; object = Object.getPrototypeOf(object)) for (const name of Object.getOwnPropertyNames(object)) names.add(name);
      return names;
    };
    const got = there(both[1].Client);
    assert.deepEqual([...there(Npm)].filter((name) => !name.startsWith("_") && !got.has(name)).sort(), lacking);
  });
});

describe("the heartbeat of Primus", { timeout: 60_000 }, () => {
  let both = [];
  before(async () => (both = await Promise.all([original(2000), tidings(2000)])));
  after(() => Promise.all(both.map((server) => server.stop())));

  test("is answered by clients of npm", async () => {
    const records = await Promise.all(
      both.map(async (server) => {
        const primus = client(server);
        for (let pings = 0; pings < 2; ) pings += (await next(primus, "incoming::data")).includes("primus::ping::");
        const record = plain(primus.record); // as it is now: another ping may come at any time
        primus.end();
        return record;
      }),
    );
    assert.deepEqual(records[1], records[0]);
  });

  test("cuts who does not answer, without the word that it shall not come back", async () => {
    const all = await Promise.all(
      both.map(async (server) => {
        const socket = new WebSocket(`${server.url}/primus/`);
        const heard = [];
        socket.on("message", (data) => heard.push(String(data).replace(/\d+/, "TIME")));
        await once(socket, "close");
        return heard;
      }),
    );
    assert.deepEqual(all[1], all[0]);
  });
});
