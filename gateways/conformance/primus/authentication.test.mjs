// Unmodified clients of Feathers, of versions 4 and 5, sign in with email and password, by the token they get, and out:
// against the original server with authentication-local, and against Tidings. Results, errors and frames are compared.
// Intended differences: a token has other claims beside its subject, and errors have our code and hint as data.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build, serve } from "../../../clientjs/e2e/tidings.mjs";
import { accounts } from "./application.mjs";

const require = createRequire(import.meta.url);
const Primus = require("primus");
const emitter = require("primus-emitter");
const feathers4 = require("@feathersjs/feathers");
const primusClient4 = require("@feathersjs/primus-client");
const authentication4 = require("@feathersjs/authentication-client").default;
const { feathers: feathers5 } = require("feathers5");
const { Service } = require("transport-commons5/client");
const authentication5 = require("authentication-client5").default;

const Socket = Primus.createSocket({ transformer: "websockets", parser: "JSON", plugin: { emitter } });
const limit = { timeout: 120_000 };
const secret = "a secret of the conformance tests of 32 bytes";

// Where a client keeps its token: without one of its own all clients of a process share one.
const storage = () => {
  const kept = new Map();
  return { getItem: (key) => kept.get(key), setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
};

const clients = {
  "Feathers 4": (primus) => feathers4().configure(primusClient4(primus, { timeout: 60_000 })).configure(authentication4({ storage: storage() })),
  "Feathers 5": (primus) => {
    const app = feathers5();
    const connection = { connection: primus, method: "send" };
    app.use("messages", new Service({ name: "messages", events: ["created"], ...connection }));
    app.use("authentication", new Service({ name: "authentication", events: [], ...connection }));
    return app.configure(authentication5({ storage: storage() }));
  },
};

const sockets = [];
async function connect(server, make) {
  const record = [];
  const primus = new Socket(server.url, { manual: true, reconnect: { min: 20, max: 200 } });
  sockets.push(primus);
  primus.on("outgoing::data", (text) => record.push(["→", JSON.parse(String(text))]));
  primus.on("incoming::data", (text) => record.push(["←", JSON.parse(String(text))]));
  const app = make(primus);
  primus.open();
  await once(primus, "open");
  return { app, primus, record };
}

// Without what is meant to be otherwise: tokens and what is in them, times of records, our words about errors.
const plain = (value) =>
  JSON.parse(JSON.stringify(value ?? null), (key, inner) => {
    if (key === "accessToken" && inner?.split?.(".").length === 3) return "TOKEN";
    if (key === "payload") return typeof inner.exp === "number" && typeof inner.iat === "number" ? { sub: inner.sub } : inner;
    if (["createdAt", "updatedAt", "stack", "hook"].includes(key) || (key === "data" && inner?.hint !== undefined) || (key === "errors" && !Object.keys(inner ?? {}).length)) return undefined;
    return inner;
  });
const ordered = (value) =>
  Array.isArray(value) ? value.map(ordered) : value !== null && typeof value === "object" ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, ordered(value[key])])) : value;
const failure = async (call) => {
  const error = await call.then(() => assert.fail("it did not fail"), (e) => e);
  return { name: error.name, code: error.code, className: error.className, message: error.message };
};

const ann = { strategy: "local", email: "ann@example.org", password: "right" };
// A name has five attempts a minute.
const bob = { strategy: "local", email: "bob@example.org", password: "bobs" };
const carl = { strategy: "local", email: "carl@example.org", password: "c" };
const dora = { strategy: "local", email: "dora@example.org", password: "d" };

const programs = {
  "what is wrong": async (open) => {
    const { app } = await open();
    const authentication = app.service("authentication");
    return [
      await failure(app.authenticate({ ...dora, password: "wrong" })),
      await failure(app.authenticate({ ...dora, email: "nobody@example.org" })),
      await failure(app.authenticate({ ...dora, strategy: "google" })),
      await failure(app.authenticate({ email: dora.email })),
      await failure(authentication.create({ strategy: "jwt" })),
      (({ name, code }) => ({ name, code }))(await failure(authentication.create({ strategy: "jwt", accessToken: "a.b.c" }))),
      await failure(authentication.remove(null)),
    ];
  },
  "log in, hear, log out, log in as somebody else": async (open) => {
    const [watcher, client, writer] = [await open(), await open(), await open()];
    await watcher.app.authenticate(bob);
    const heard = [];
    client.app.service("messages").on("created", (record) => heard.push(record.id));
    const write = async (id) => {
      const seen = new Promise((resolve) => watcher.app.service("messages").on("created", (record) => record.id === id && resolve()));
      await writer.app.service("messages").create({ id });
      await seen;
    };
    const got = [await client.app.authenticate(ann)];
    const first = once(client.app.service("messages"), "created");
    await write("for ann");
    await first;
    got.push(await client.app.reAuthenticate(true), await client.app.logout());
    await write("for nobody");
    got.push(await client.app.authenticate(ann), await client.app.authenticate(bob));
    const second = once(client.app.service("messages"), "created");
    await write("for bob");
    await second;
    return { got, heard };
  },
  "a client that comes back is itself again": async (open) => {
    const { app, primus } = await open();
    await app.authenticate(carl);
    const again = new Promise((resolve) => primus.once("reconnected", () => resolve(app.reAuthenticate(true))));
    primus.socket.terminate(); // of ws: the network is gone
    return await again;
  },
};

describe("authentication with the strategy local", { timeout: 400_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), "tidings-login-"));
  const file = join(scratch, "tidings.yaml");
  writeFileSync(
    file,
    `
gateways: {feathers: {services: ["messages main/messages"]}}
joins: {authenticated: [authenticated]}
routing: [{event: "documents/main/messages *", to: authenticated}]
rules: {channels: {"documents/main/messages": {subscribe: anyone, write: anyone}}}
`,
  );
  const env = { TIDINGS_TOKENS_SECRET: secret, TIDINGS_TOKENS_ISSUER: "tests", TIDINGS_TOKENS_AUDIENCE: "tidings" };
  // The application behind Tidings: it knows its users, and says of one what the record of the original has.
  const hooks = createServer(async (req, res) => {
    let body = "";
    for await (const part of req) body += part;
    const { strategy, credentials } = JSON.parse(body).data;
    const user = accounts.find(({ email, password }) => email === credentials.email && password === credentials.password);
    const answer = strategy !== "local" ? [404, {}] : user ? [200, { user: user.id, claims: { email: user.email } }] : [401, {}];
    res.writeHead(answer[0], { "content-type": "application/json" }).end(JSON.stringify(answer[1]));
  });
  const start = {
    original: async () => {
      const child = spawn(process.execPath, [fileURLToPath(new URL("original-authentication.mjs", import.meta.url))], { stdio: ["ignore", "pipe", "inherit"] });
      const [port] = await once(createInterface(child.stdout), "line");
      return { url: `http://127.0.0.1:${port}`, stop: async () => (child.kill(), once(child, "exit")) };
    },
    tidings: () =>
      serve(
        { ...env, TIDINGS_HOOKS_URL: `http://127.0.0.1:${hooks.address().port}/`, TIDINGS_HOOKS_ASK: "sign_in", TIDINGS_HOOKS_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw1234567890ab" },
        undefined,
        ["--config", file],
      ),
  };
  before(async () => once(hooks.listen(0, "127.0.0.1"), "listening"));
  after(() => {
    for (const socket of sockets) socket.end();
    hooks.closeAllConnections();
    hooks.close();
    rmSync(scratch, { recursive: true });
  });

  for (const [version, make] of Object.entries(clients))
    describe(version, () => {
      let both = [];
      before(async () => (both = await Promise.all([start.original(), start.tidings()])));
      after(() => Promise.all(both.map((server) => server.stop())));

      for (const [name, program] of Object.entries(programs))
        test(name, limit, async () => {
          const run = async (server) => {
            const opened = [];
            const open = async () => (opened.push(await connect(server, make)), opened.at(-1));
            const result = plain(await program(open));
            for (const { primus } of opened) primus.end(); // else they come back to a server that is about to end
            const frames = opened.map(({ record }) => plain(record).map((frame) => JSON.stringify(ordered(frame))));
            return { result, sent: frames.map((list) => list.filter((f) => f[2] === "→")), received: frames.map((list) => list.filter((f) => f[2] === "←").sort()) };
          };
          const [want, got] = await Promise.all(both.map(run));
          assert.deepEqual(got.result, want.result);
          assert.deepEqual(got.sent, want.sent);
          if (name !== "what is wrong") assert.deepEqual(got.received, want.received); // what a bad token is called is each server's own
        });
    });

  test("users of a file, and nothing of what was tried in the log", limit, async () => {
    build();
    const binary = process.env.TIDINGS_BINARY ?? fileURLToPath(new URL("../../../bin/tidings", import.meta.url));
    const users = join(scratch, "users");
    execFileSync(binary, ["users", "add", "ann@example.org", "--file", users, "--role", "desk"], { input: "right\n" });
    const server = await serve({ ...env, TIDINGS_USERS_FILE: users });
    const { app, primus } = await connect(server, clients["Feathers 5"]);
    const { user, authentication } = plain(await app.authenticate(ann));
    assert.deepEqual([user, authentication.strategy, authentication.payload.sub], [{ id: ann.email, roles: ["desk"] }, "local", ann.email]);
    const tries = await Promise.all(Array.from({ length: 12 }, () => failure(app.authenticate({ strategy: "local", email: "mallory", password: "Gue55ed" }))));
    assert.ok(tries.some(({ name, code }) => name === "TooManyRequests" && code === 429), JSON.stringify(tries));
    assert.ok(!/Gue55ed|mallory/.test(Buffer.concat(server.log).toString()));
    primus.end();
    await server.stop();
  });
  test("without anybody who checks passwords it is not offered", limit, async () => {
    const server = await serve();
    const { app, primus } = await connect(server, clients["Feathers 5"]);
    assert.deepEqual(await failure(app.authenticate(ann)), { name: "NotImplemented", code: 501, className: "not-implemented", message: "authentication with the strategy 'local' is not offered by this server" });
    assert.equal(await server.metric("tidings_gateway_unsupported_total", { gateway: "primus", action: "authentication create" }), 1);
    primus.end();
    await server.stop();
  });
});
