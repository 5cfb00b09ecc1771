// The unmodified client of Feathers 5 over Socket.IO, which is what most users of Feathers have, runs the same programs
// against the original server and against Tidings. What it sends, what it is answered, what it hears, and the packets
// are compared.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { config, ordered, own, plain, programs } from "../feathers.mjs";
import { client, connected, endAll, next } from "./client.mjs";
import { original, tidings, token } from "./servers.mjs";

const require = createRequire(import.meta.url);
const { feathers } = require("@feathersjs/feathers");
const socketio = require("@feathersjs/socketio-client");

const limit = { timeout: 40_000 };

function application(socket) {
  const app = feathers();
  app.configure(socketio(socket, { timeout: 20_000 }));
  return app;
}

/** The messages of a record, read. */
const packets = (record, way) => record.filter(([arrow, type]) => arrow === way && type === "message").map(([, , text]) => /^(\d*)(.*)$/s.exec(text).slice(1, 3));
const read = ([head, body]) => JSON.stringify([head, body === "" ? null : ordered(plain(JSON.parse(body)))]);

describe("clients of Feathers over Socket.IO", { timeout: 240_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), "tidings-feathers-"));
  let both = [];
  before(async () => {
    writeFileSync(join(scratch, "tidings.yaml"), config);
    both = await Promise.all([original("original-feathers.mjs"), tidings({}, ["--config", join(scratch, "tidings.yaml")])]);
  });
  afterEach(endAll);
  after(async () => {
    await Promise.all(both.map((server) => server.stop()));
    rmSync(scratch, { recursive: true });
  });

  for (const [name, program] of Object.entries(programs))
    test(name, limit, async () => {
      const [want, got] = await Promise.all(
        both.map(async (server) => {
          const socket = client(server, { transports: ["websocket"] });
          await connected(socket);
          const result = plain(own(await program(application(socket))));
          const received = packets(socket.record, "←").filter(([head]) => head !== "0"); // the answer to CONNECT has an id
          return { result, sent: packets(socket.record, "→").map(read), received: received.map(read).sort() };
        }),
      );
      assert.deepEqual(got.result, want.result);
      assert.deepEqual(got.sent, want.sent);
      assert.deepEqual(got.received, want.received);
      assert.ok(want.received.length > 3, "nothing was recorded");
    });

  test("signs in with a token, as somebody else, and out", limit, async () => {
    const socket = client(both[1], { transports: ["websocket"] });
    await connected(socket);
    const user = async () => (await (await fetch(`${both[1].url}/api/connections`)).json()).connections.find((c) => c.connection === socket.id);
    const sessions = application(socket).service("authentication");
    const ann = await sessions.create({ strategy: "jwt", accessToken: token("ann") });
    assert.deepEqual([ann.user.id, ann.authentication.strategy, typeof ann.accessToken], ["ann", "jwt", "string"]);
    assert.deepEqual([(await user()).user, (await user()).gateway], ["ann", "socketio"]);
    assert.equal((await sessions.create({ strategy: "jwt", accessToken: token("bob") })).user.id, "bob");
    assert.equal((await user()).user, "bob");
    await sessions.remove(null);
    assert.equal((await user()).user, undefined);
    await assert.rejects(sessions.create({ strategy: "jwt", accessToken: "x.y.z" }), { name: "NotAuthenticated", code: 401, className: "not-authenticated" });
    await assert.rejects(sessions.create({ strategy: "local", email: "a", password: "b" }), { name: "NotAuthenticated", code: 401 }); // nobody checks passwords here
  });

  test("connects with a token in auth, and is that user", limit, async () => {
    const socket = client(both[1], { transports: ["websocket"], auth: { token: token("ann") } });
    await connected(socket);
    const { connections } = await (await fetch(`${both[1].url}/api/connections`)).json();
    assert.equal(connections.find((c) => c.connection === socket.id).user, "ann");
    const other = client(both[1], { transports: ["websocket"], auth: { token: token("ann", {}, -600) } });
    assert.equal((await next(other, "connect_error")).data.code, "token_expired");
  });
});
