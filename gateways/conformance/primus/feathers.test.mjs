// Unmodified clients of Feathers over Primus, of version 4 with its own client of Primus and of version 5 with the Service
// of transport-commons, run the same program against the original server and against Tidings. What they send, what they
// are answered, what they hear, and the frames are compared.
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
import { config, events, ordered, own, plain, programs } from "../feathers.mjs";

const require = createRequire(import.meta.url);
const Primus = require("primus");
const emitter = require("primus-emitter");
const feathers4 = require("@feathersjs/feathers");
const primusClient4 = require("@feathersjs/primus-client");
const { feathers: feathers5 } = require("feathers5");
const { Service } = require("transport-commons5/client");

const Socket = Primus.createSocket({ transformer: "websockets", parser: "JSON", plugin: { emitter } });

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

describe("clients of Feathers over Primus", { timeout: 120_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), "tidings-feathers-"));
  const file = join(scratch, "tidings.yaml");
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
