// Unmodified clients of Feathers over Primus, of version 4 with its own client of Primus and of version 5 with the Service
// of transport-commons, run the same program against the original server and against Tidings. What they send, what they
// are answered, what they hear, and the frames are compared. Intended differences: a record has createdAt and updatedAt;
// errors have our code and hint as data; an event comes when the change is on the disk, which may be after the answer.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { serve } from "../../../clientjs/e2e/tidings.mjs";

const require = createRequire(import.meta.url);
const Primus = require("primus");
const emitter = require("primus-emitter");
const feathers4 = require("@feathersjs/feathers");
const primusClient4 = require("@feathersjs/primus-client");
const { feathers: feathers5 } = require("feathers5");
const { Service } = require("transport-commons5/client");

const Socket = Primus.createSocket({ transformer: "websockets", parser: "JSON", plugin: { emitter } });
const own = (value) => JSON.parse(JSON.stringify(value ?? null));
const events = ["created", "updated", "patched", "removed"];

const clients = {
  "Feathers 4": (primus) => {
    const app = feathers4();
    app.configure(primusClient4(primus, { timeout: 20_000, events }));
    return app;
  },
  "Feathers 5": (primus) => {
    const app = feathers5();
    app.use("messages", new Service({ name: "messages", connection: primus, method: "send", events }));
    app.use("nowhere", new Service({ name: "nowhere", connection: primus, method: "send", events }));
    return app;
  },
};

function connect(server, make) {
  const record = [];
  const primus = new Socket(server.url, { manual: true });
  primus.on("outgoing::data", (text) => record.push(["→", JSON.parse(String(text))]));
  primus.on("incoming::data", (text) => record.push(["←", JSON.parse(String(text))]));
  primus.open();
  return { primus, record, app: make(primus), opened: once(primus, "open") };
}

/** Resolves with the data of `count` events of a service. */
const heard = (service, event, count = 1) =>
  new Promise((resolve) => {
    const list = [];
    service.on(event, (data) => list.push(own(data)) === count && resolve(list));
  });

const failure = async (call) => {
  try {
    await call;
  } catch (error) {
    return { name: error.name, code: error.code, className: error.className, message: error.message };
  }
  throw new Error("it did not fail");
};

// Without what is known to be otherwise.
const plain = (value) =>
  JSON.parse(JSON.stringify(value), (key, inner) => (key === "createdAt" || key === "updatedAt" || (key === "data" && inner?.hint !== undefined) || (key === "errors" && !Object.keys(inner ?? {}).length) || key === "hook" ? undefined : inner));

// The order of an object's keys says nothing.
const ordered = (value) =>
  Array.isArray(value) ? value.map(ordered) : value !== null && typeof value === "object" ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, ordered(value[key])])) : value;

const programs = {
  "writes, reads, and hears": async (app) => {
    const messages = app.service("messages");
    const all = Promise.all([heard(messages, "created", 3), heard(messages, "updated"), heard(messages, "patched"), heard(messages, "removed")]);
    const got = [];
    for (const [id, text, n] of [["a", "one", 1], ["b", "two", 2], ["c", "three", 3]]) got.push(await messages.create({ id, text, n }));
    got.push(await messages.get("b"), await messages.update("a", { text: "uno", n: 1 }), await messages.patch("b", { more: { x: null } }), await messages.remove("c"));
    return { got, heard: await all };
  },
  "finds": async (app) => {
    const messages = app.service("messages");
    for (let n = 0; n < 5; n++) await messages.create({ id: `f${n}`, kind: "f", n, odd: n % 2 === 1, name: `name ${n}` });
    const got = [];
    for (const query of [
      { kind: "f", $sort: { n: 1 } },
      { kind: "f", $sort: { n: -1 }, $limit: 2 },
      { kind: "f", $sort: { n: 1 }, $limit: 2, $skip: 3 },
      { kind: "f", $limit: 0 },
      { kind: "f", n: { $gt: 1, $lte: 3 }, $sort: { n: 1 } },
      { kind: "f", n: { $in: [0, 4] }, $sort: { n: 1 } },
      { kind: "f", n: { $nin: [0, 4] }, $sort: { n: 1 } },
      { kind: "f", odd: { $ne: true }, $sort: { n: 1 } },
      { kind: "f", $or: [{ n: 0 }, { name: "name 3" }], $sort: { n: 1 } },
      { kind: "f", odd: true, $sort: { n: 1 }, $select: ["id", "name"] },
      { kind: "nothing" },
    ])
      got.push(await messages.find({ query }));
    got.push(await messages.get("f1", { query: { $select: ["n"] } }));
    return { got };
  },
  "writes several": async (app) => {
    const messages = app.service("messages");
    const all = Promise.all([heard(messages, "created", 3), heard(messages, "patched", 2), heard(messages, "removed", 2)]);
    const got = [await messages.create([0, 1, 2].map((n) => ({ id: `s${n}`, several: true, n })))];
    const byId = (list) => list.slice().sort((a, b) => a.id.localeCompare(b.id));
    got.push(byId(await messages.patch(null, { seen: true }, { query: { several: true, n: { $gt: 0 } } })));
    got.push(byId(await messages.remove(null, { query: { several: true, seen: { $ne: true } } })));
    got.push(await messages.patch(null, { seen: true }, { query: { several: "none" } }), await messages.create([]));
    got.push(await messages.remove(null, { query: { several: true, n: 1 } }));
    return { got, heard: (await all).map(byId) };
  },
  "fails": async (app) => {
    const messages = app.service("messages");
    return {
      got: [
        await failure(messages.get("no such")),
        await failure(messages.remove("no such")),
        await failure(messages.patch("no such", { a: 1 })),
        await failure(messages.update("no such", { a: 1 })),
        await failure(app.service("nowhere").find({ query: {} })),
      ],
    };
  },
};

describe("clients of Feathers over Primus", { timeout: 120_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), "tidings-feathers-"));
  const file = join(scratch, "tidings.yaml");
  const config = `
gateways: {feathers: {services: ["messages main/messages"]}}
joins: {anonymous: [everybody, also]}
routing:
  - {event: "documents/main/messages *", to: [everybody, also]}
`;
  const start = {
    original: async () => {
      const child = spawn(process.execPath, [fileURLToPath(new URL("original-feathers.mjs", import.meta.url))], { stdio: ["ignore", "pipe", "inherit"] });
      const [port] = await once(createInterface(child.stdout), "line");
      return { url: `http://127.0.0.1:${port}`, stop: async () => (child.kill(), once(child, "exit")) };
    },
    tidings: async () => {
      writeFileSync(file, config);
      return serve({}, undefined, ["--config", file]);
    },
  };
  after(() => rmSync(scratch, { recursive: true }));

  for (const [version, make] of Object.entries(clients))
    describe(version, () => {
      let both = [];
      before(async () => (both = await Promise.all([start.original(), start.tidings()])));
      after(() => Promise.all(both.map((server) => server.stop())));

      for (const [name, program] of Object.entries(programs))
        test(name, async () => {
          const [want, got] = await Promise.all(
            both.map(async (server) => {
              const { primus, record, app, opened } = connect(server, make);
              await opened;
              const result = plain(own(await program(app)));
              primus.end();
              const frames = plain(record).map((frame) => JSON.stringify(ordered(frame)));
              return { result, sent: frames.filter((f) => f.startsWith('["→"')), received: frames.filter((f) => f.startsWith('["←"')).sort() };
            }),
          );
          assert.deepEqual(got.result, want.result);
          assert.deepEqual(got.sent, want.sent);
          assert.deepEqual(got.received, want.received);
          assert.ok(want.received.length > 3, "nothing was recorded");
        });
    });
});
