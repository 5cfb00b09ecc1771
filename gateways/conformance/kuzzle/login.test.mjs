// Signing in with a name and a password, by the unmodified SDK, with users of a file.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { build, serve } from "../../../clientjs/e2e/tidings.mjs";
import { Heard, connect, disconnectAll, next } from "./sdk.mjs";

const scratch = mkdtempSync(join(tmpdir(), "tidings-users-"));
const users = join(scratch, "users");
let server;
before(async () => {
  build();
  const binary = process.env.TIDINGS_BINARY ?? new URL("../../../bin/tidings", import.meta.url).pathname;
  for (const [name, password] of [["ann", "old"], ["bob", "bobs"], ["ann", "right"]]) execFileSync(binary, ["users", "add", name, "--file", users, "--role", "desk"], { input: `${password}\n` });
  writeFileSync(join(scratch, "tidings.yaml"), 'rules: {channels: {"documents/desk/*": {subscribe: "role:desk", publish: "role:desk"}}}\n');
  server = await serve(
    { TIDINGS_TOKENS_SECRET: "a secret of the conformance tests of 32 bytes", TIDINGS_TOKENS_ISSUER: "tests", TIDINGS_TOKENS_AUDIENCE: "tidings", TIDINGS_USERS_FILE: users },
    undefined,
    ["--config", join(scratch, "tidings.yaml")],
  );
});
after(async () => {
  disconnectAll();
  await server.stop();
  rmSync(scratch, { recursive: true });
});

test("the file can be read by its owner alone", () => assert.equal(statSync(users).mode & 0o777, 0o600));

test("log in, be somebody, log out", async () => {
  const kuzzle = await connect(server);
  await assert.rejects(kuzzle.realtime.subscribe("desk", "calls", {}, () => {}), { status: 401, id: "security.rights.unauthorized" });
  await assert.rejects(kuzzle.auth.login("local", { username: "ann", password: "old" }), { status: 401, message: "wrong username or password" });
  await assert.rejects(kuzzle.auth.login("local", { username: "nobody", password: "right" }), { status: 401, message: "wrong username or password" });
  await assert.rejects(kuzzle.auth.login("google", {}), { status: 400, id: "security.credentials.unknown_strategy" });
  const jwt = await kuzzle.auth.login("local", { username: "ann", password: "right" }, "1h");
  assert.equal(kuzzle.jwt, jwt);
  const { valid, kuid, expiresAt } = await kuzzle.auth.checkToken(jwt);
  assert.deepEqual([valid, kuid], [true, "ann"]);
  assert.ok(Math.abs(expiresAt - Date.now() - 3_600_000) < 60_000);
  const user = await kuzzle.auth.getCurrentUser();
  assert.deepEqual([user._id, user._source.profileIds], ["ann", ["desk"]]);
  assert.deepEqual(await kuzzle.auth.getStrategies(), ["local"]);
  const rights = await kuzzle.auth.getMyRights();
  assert.deepEqual(rights.find((r) => r.action === "publish"), { controller: "realtime", action: "publish", index: "*", collection: "*", value: "conditional" });
  const heard = new Heard();
  await kuzzle.realtime.subscribe("desk", "calls", {}, heard.hear);
  await kuzzle.realtime.publish("desk", "calls", { n: 1 });
  assert.equal((await heard.until(1))[0].result._source._kuzzle_info.author, "ann");
  // As somebody else: what ann had is not bob's, so the connection ends, and the SDK makes another and subscribes anew.
  const back = next(kuzzle, "reconnected");
  await kuzzle.auth.login("local", { username: "bob", password: "bobs" });
  await back;
  assert.equal((await kuzzle.auth.getCurrentUser())._id, "bob");
  await kuzzle.auth.logout();
  assert.equal(kuzzle.jwt, null);
  await assert.rejects(kuzzle.realtime.publish("desk", "calls", {}), { status: 401 });
  kuzzle.disconnect();
});

test("a client that is signed in comes back as itself", async () => {
  const kuzzle = await connect(server);
  await kuzzle.auth.login("local", { username: "bob", password: "bobs" });
  const heard = new Heard();
  await kuzzle.realtime.subscribe("desk", "cut", {}, heard.hear);
  const back = next(kuzzle, "reconnected");
  kuzzle.protocol.client.terminate();
  await back;
  for (let n = 1; heard.all.length === 0; n++) await kuzzle.realtime.publish("desk", "cut", { n });
  assert.equal(heard.all[0].result._source._kuzzle_info.author, "bob");
  kuzzle.disconnect();
});

test("who tries too often is held up, and nothing of it is in the log", async () => {
  const kuzzle = await connect(server);
  const tries = [];
  for (let i = 0; i < 6; i++) tries.push(await kuzzle.auth.login("local", { username: "mallory", password: "Gue55ed" }).catch((e) => e.status));
  assert.deepEqual(tries, [401, 401, 401, 401, 401, 429]);
  assert.ok(!/Gue55ed|mallory/.test(Buffer.concat(server.log).toString()));
  kuzzle.disconnect();
});
