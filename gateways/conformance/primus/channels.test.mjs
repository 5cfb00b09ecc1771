// The channels of a Feathers application over Primus: a client is in anonymous when it connects, and, signed in, in
// authenticated, user/ID, role/ROLE and permission/PERMISSION; records and events go where routes say. The client is npm's.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { serve } from "../../../clientjs/e2e/tidings.mjs";

const require = createRequire(import.meta.url);
const Primus = require("primus");
const emitter = require("primus-emitter");
const Socket = Primus.createSocket({ transformer: "websockets", parser: "JSON", plugin: { emitter } });

const secret = "a secret of these tests of more than 32 bytes";
const config = `
tokens: {issuer: test, audience: tidings, secret: "${secret}"}
joins: {anonymous: [anonymous], authenticated: [authenticated, "user/{user}", "role/{role}", "permission/{permission}"]}
routing:
  - {event: "internal *", to: nobody}
  - {if: userId, to: "user/{userId}"}
  - {if: projectId, to: "project/{projectId}"}
  - {to: authenticated}
`;
const base64 = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
function token(sub, more = {}, lifetime = 600) {
  const now = Math.floor(Date.now() / 1000);
  const signed = `${base64({ alg: "HS256", typ: "JWT" })}.${base64({ iss: "test", aud: "tidings", sub, iat: now - 1, exp: now + lifetime, ...more })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

describe("channels of Feathers over Primus", { timeout: 120_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), "tidings-channels-"));
  let server;
  before(async () => {
    writeFileSync(join(scratch, "tidings.yaml"), config);
    server = await serve({}, undefined, ["--config", join(scratch, "tidings.yaml")]);
  });
  after(async () => {
    await server.stop();
    rmSync(scratch, { recursive: true });
  });

  const connect = async () => {
    const primus = new Socket(server.url, { manual: true });
    primus.heard = [];
    primus.on("data", (packet) => packet.type === 0 && primus.heard.push(packet.data[0]));
    primus.open();
    await once(primus, "open");
    return primus;
  };
  const call = (primus, ...args) => new Promise((resolve) => primus.send(...args, (...answer) => resolve(JSON.parse(JSON.stringify(answer)))));
  const signIn = (primus, accessToken) => call(primus, "create", "authentication", { strategy: "jwt", accessToken }, {});
  const publish = async (event, data) => {
    const answer = await fetch(`${server.url}/api/publish`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ event, data }) });
    assert.ok(answer.ok, await answer.text());
  };
  // What was published before is heard, or not, when this is: a client's events come in order.
  const settled = async (primus) => {
    const id = await new Promise((resolve) => primus.id(resolve));
    const last = once(primus, "last");
    await fetch(`${server.url}/api/send`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ connection: id, event: "last", data: 1 }) });
    await last;
    return primus.heard.filter((event) => event !== "last");
  };

  test("who signs in hears what is for it, and nobody else does", async () => {
    const [ann, bob, nobody] = [await connect(), await connect(), await connect()];
    const [failure, result] = await signIn(ann, token("ann", { roles: ["editor"] }));
    assert.equal(failure, null);
    assert.equal(result.user.id, "ann");
    assert.equal(result.authentication.strategy, "jwt");
    assert.equal(typeof result.accessToken, "string");
    await signIn(bob, token("bob"));
    const hear = Promise.all([once(ann, "messages created"), once(bob, "messages created"), once(ann, "notes created")]);
    await publish("messages created", { text: "for all who are signed in" });
    await publish("notes created", { userId: "ann" });
    await publish("internal created", { userId: "ann" });
    assert.equal((await hear)[2][0].userId, "ann");
    const all = await Promise.all([ann, bob, nobody].map(settled));
    assert.deepEqual(all[0].sort(), ["messages created", "notes created"]);
    assert.deepEqual(all.slice(1), [["messages created"], []]);
    for (const primus of [ann, bob, nobody]) primus.end();
  });

  test("a wrong token is an error of Feathers, and changes nothing", async () => {
    const primus = await connect();
    const [wrong] = await signIn(primus, `${token("ann")}x`);
    assert.deepEqual([wrong.name, wrong.code, wrong.className], ["NotAuthenticated", 401, "not-authenticated"]);
    const [old] = await signIn(primus, token("ann", {}, -600));
    assert.deepEqual([old.name, old.code], ["NotAuthenticated", 401]);
    const [none] = await signIn(primus, "");
    assert.equal(none.name, "NotAuthenticated");
    const [local] = await call(primus, "create", "authentication", { strategy: "local", email: "a", password: "b" }, {});
    assert.deepEqual([local.name, local.code, local.data.see], ["NotImplemented", 501, "docs/gateways.md"]);
    primus.end();
  });

  test("one connection is one user, then another, then nobody", async () => {
    const primus = await connect();
    const id = await new Promise((resolve) => primus.id(resolve));
    const user = async () => (await (await fetch(`${server.url}/api/connections`)).json()).connections.find((c) => c.connection === id);
    await signIn(primus, token("ann"));
    assert.deepEqual([(await user()).user, (await user()).gateway], ["ann", "primus"]);
    const [failure, result] = await signIn(primus, token("bob"));
    assert.equal(failure, null);
    assert.equal(result.user.id, "bob");
    assert.equal((await user()).user, "bob");
    assert.equal((await call(primus, "remove", "authentication", null, {}))[0], null);
    assert.equal((await user()).user, undefined);
    primus.end();
  });
});
