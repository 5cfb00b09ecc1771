// The unmodified SDK over HTTP, as backends have it: its ordinary programs, beside a client that listens.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { build, serve } from "../../../clientjs/e2e/tidings.mjs";
import { Heard, connect, disconnectAll, token } from "./sdk.mjs";

const { Kuzzle, Http } = createRequire(import.meta.url)("kuzzle-sdk");

const secret = "a secret of the conformance tests of 32 bytes";
const scratch = mkdtempSync(join(tmpdir(), "tidings-http-"));
const key = "a-key-of-a-backend-that-publishes-0123456789";
let server, kuzzle, listener;
before(async () => {
  build();
  const binary = process.env.TIDINGS_BINARY ?? new URL("../../../bin/tidings", import.meta.url).pathname;
  execFileSync(binary, ["users", "add", "ann", "--file", join(scratch, "users"), "--role", "desk"], { input: "right\n" });
  writeFileSync(join(scratch, "tidings.yaml"), `api_keys: ["${key}"]\nrules: {channels: {"documents/desk/*": {subscribe: anyone, publish: "role:desk"}, "documents/open/*": {subscribe: anyone, publish: anyone, write: anyone}}}\n`);
  server = await serve(
    { TIDINGS_TOKENS_SECRET: secret, TIDINGS_TOKENS_ISSUER: "tests", TIDINGS_TOKENS_AUDIENCE: "tidings", TIDINGS_USERS_FILE: join(scratch, "users"), TIDINGS_ALLOWED_HOSTS: "127.0.0.1" },
    undefined,
    ["--config", join(scratch, "tidings.yaml")],
  );
  kuzzle = await http();
  listener = await connect(server);
});
after(async () => {
  disconnectAll();
  await server.stop();
  rmSync(scratch, { recursive: true });
});

/** The SDK over HTTP. */
async function http(options = {}) {
  const kuzzle = new Kuzzle(new Http("127.0.0.1", { port: server.port, ...options }));
  await kuzzle.connect();
  return kuzzle;
}

const post = (path, body, headers = {}) => fetch(server.url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });

test("it connects by server:publicApi, and asks for the time", async () => {
  assert.equal(kuzzle.protocol.routes.realtime.publish.url, "/:index/:collection/_publish");
  assert.ok(Math.abs((await kuzzle.server.now()) - Date.now()) < 60_000);
  assert.equal((await kuzzle.server.info()).serverInfo.kuzzle.version, "2.56.0");
  assert.equal(await kuzzle.server.adminExists(), true);
});

test("what a backend publishes is heard, with its volatile data", async () => {
  const heard = new Heard();
  await listener.realtime.subscribe("open", "taxi", { equals: { licence: "B" } }, heard.hear);
  await kuzzle.realtime.publish("open", "taxi", { licence: "A" });
  assert.equal(await kuzzle.realtime.publish("open", "taxi", { licence: "B" }, { _id: "x", volatile: { who: "backend" } }), true);
  const [n] = await heard.until(1);
  assert.deepEqual([n.protocol, n.event, n.result._id, n.result._source.licence, n.volatile.who], ["http", "publish", "x", "B", "backend"]);
  assert.match(n.requestId, /^[0-9a-f-]{36}$/);
});

test("documents, one and many, are written, read, searched and heard", async () => {
  const at = ["open", "orders"];
  const heard = new Heard();
  await listener.realtime.subscribe(...at, {}, heard.hear);
  assert.equal((await kuzzle.document.create(...at, { n: 1 }, "a"))._id, "a");
  await assert.rejects(kuzzle.document.create(...at, { n: 1 }, "a"), { status: 400, id: "services.storage.document_already_exists" });
  await kuzzle.document.update(...at, "a", { m: 2 });
  assert.equal((await heard.until(2))[1].protocol, "http");
  assert.deepEqual(Object.keys((await kuzzle.document.get(...at, "a"))._source).sort(), ["_kuzzle_info", "m", "n"]);
  await assert.rejects(kuzzle.document.get(...at, "nobody"), { status: 404, id: "services.storage.not_found" });
  assert.equal(await kuzzle.document.exists(...at, "a"), true);
  await kuzzle.document.createOrReplace(...at, "b/ü 1", { n: 2 });
  assert.equal((await kuzzle.document.get(...at, "b/ü 1"))._source.n, 2);
  await kuzzle.document.replace(...at, "b/ü 1", { n: 3 });
  await kuzzle.document.deleteFields(...at, "a", ["m"]);
  assert.equal((await kuzzle.document.upsert(...at, "c", { n: 4 })).created, true);
  assert.equal((await kuzzle.document.mCreate(...at, [{ _id: "d", body: { n: 5 } }, { body: { n: 6 } }])).successes.length, 2);
  assert.equal((await kuzzle.document.mCreateOrReplace(...at, [{ _id: "d", body: { n: 7 } }])).successes.length, 1);
  assert.equal((await kuzzle.document.mUpdate(...at, [{ _id: "d", body: { n: 8 } }])).successes.length, 1);
  assert.equal((await kuzzle.document.mReplace(...at, [{ _id: "d", body: { n: 9 } }])).successes.length, 1);
  assert.deepEqual((await kuzzle.document.mGet(...at, ["a", "nobody"])).errors, ["nobody"]);
  assert.equal(await kuzzle.document.count(...at, { query: { range: { n: { gte: 4 } } } }), 3);
  const found = await kuzzle.document.search(...at, { query: { range: { n: { gte: 3 } } }, sort: [{ n: "desc" }] }, { size: 2 });
  assert.deepEqual(found.hits.map((h) => h._source.n), [9, 6]);
  let page = await kuzzle.document.search(...at, { sort: ["n"] }, { size: 2, scroll: "1m" });
  const seen = [];
  for (; page; page = await page.next()) seen.push(...page.hits.map((h) => h._source.n));
  assert.deepEqual(seen, [1, 3, 4, 6, 9]);
  assert.equal(await kuzzle.document.delete(...at, "c"), "c");
  assert.deepEqual((await kuzzle.document.mDelete(...at, ["d"])).successes, ["d"]);
  assert.equal((await kuzzle.document.updateByQuery(...at, { equals: { n: 1 } }, { m: 1 }, { lang: "koncorde" })).successes.length, 1);
  assert.equal((await kuzzle.document.deleteByQuery(...at, { query: { match_all: {} } })).length, 3);
  await kuzzle.bulk.write(...at, { n: 1 }, "w");
  await kuzzle.bulk.mWrite(...at, [{ _id: "w2", body: { n: 2 } }]);
  await kuzzle.bulk.import(...at, [{ index: { _id: "i" } }, { n: 3 }]);
  assert.equal(await kuzzle.document.count(...at, {}), 3);
});

test("collections and indexes", async () => {
  await kuzzle.index.create("open");
  await kuzzle.collection.create("open", "made", {});
  assert.equal(await kuzzle.collection.exists("open", "made"), true);
  assert.ok((await kuzzle.collection.list("open")).collections.some((c) => c.name === "made"));
  assert.ok((await kuzzle.index.list()).includes("open"));
  assert.equal(await kuzzle.index.exists("open"), true);
  await kuzzle.collection.refresh("open", "made");
  await kuzzle.collection.truncate("open", "made");
  await kuzzle.collection.delete("open", "made");
  assert.equal(await kuzzle.collection.exists("open", "made"), false);
});

test("a user logs in, and each request is made in its name", async () => {
  const kuzzle = await http();
  await assert.rejects(kuzzle.realtime.publish("desk", "calls", {}), { status: 401, id: "security.rights.unauthorized" });
  await assert.rejects(kuzzle.auth.login("local", { username: "ann", password: "wrong" }), { status: 401 });
  await kuzzle.auth.login("local", { username: "ann", password: "right" });
  assert.equal((await kuzzle.auth.checkToken(kuzzle.jwt)).kuid, "ann");
  const user = await kuzzle.auth.getCurrentUser();
  assert.deepEqual([user._id, user._source.profileIds], ["ann", ["desk"]]);
  const heard = new Heard();
  await listener.realtime.subscribe("desk", "calls", {}, heard.hear);
  await kuzzle.realtime.publish("desk", "calls", { n: 1 });
  assert.equal((await heard.until(1))[0].result._source._kuzzle_info.author, "ann");
});

test("a backend shows its API key", async () => {
  const backend = await http({ headers: { authorization: `Bearer ${key}` } });
  await backend.realtime.publish("desk", "calls", { by: "key" });
  await backend.document.create("desk", "calls", { n: 1 }, "of a backend");
  await assert.rejects(http({ headers: { authorization: "Bearer no-key-of-ours" } }).then((k) => k.server.now()), { status: 401 });
});

test("a token that is signed elsewhere, and one that is forged", async () => {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: "tests", aud: "tidings", sub: "bob", _id: "bob", iat: now, exp: now + 600, roles: ["desk"] };
  const good = await http();
  good.setAPIKey(`kapikey-${token(secret, claims)}`);
  await good.realtime.publish("desk", "calls", {});
  const forged = await http();
  forged.jwt = token("another secret, which is not the server's", claims);
  await assert.rejects(forged.realtime.publish("desk", "calls", {}), { status: 401, id: "security.token.invalid" });
});

test("what there is not is said to be so, by HTTP's status too", async () => {
  await assert.rejects(kuzzle.realtime.subscribe("open", "taxi", {}, () => {}), /No URL found|Not Implemented/);
  for (const [body, status] of [
    [{ controller: "realtime", action: "subscribe", index: "open", collection: "taxi", body: {} }, 501],
    [{ controller: "security", action: "createUser" }, 501],
    [{ controller: "nope", action: "x" }, 404],
    [{ controller: "server", action: "now" }, 200],
  ]) {
    const response = await post("/_query", body);
    const answer = await response.json();
    assert.deepEqual([response.status, answer.status], [status, status], JSON.stringify(answer));
  }
  const mapping = await fetch(`${server.url}/open/taxi/_mapping`);
  assert.deepEqual([mapping.status, (await mapping.json()).error.id], [501, "api.process.not_supported"]);
});

test("a page of another origin, another host, a token in the URL, and credentials there", async () => {
  assert.equal((await post("/open/taxi/_publish", {}, { origin: "http://evil.example" })).status, 403);
  const inURL = await fetch(`${server.url}/_now?jwt=secret-in-the-url`);
  assert.deepEqual([inURL.status, (await inURL.json()).error.id], [400, "network.http.unexpected_error"]);
  assert.equal((await fetch(`${server.url}/_login/local?username=ann&password=secret-in-the-url`)).status, 501);
  assert.ok(!Buffer.concat(server.log).toString().includes("secret-in-the-url"));
});
