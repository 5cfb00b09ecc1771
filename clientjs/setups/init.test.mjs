// What `tidings init` writes, as a reader takes it: the client out of the project's own archive, started and driven in
// Chromium. With `SETUPS=all` Next.js, too.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chrome, closeChrome } from "../e2e/clients.mjs";
import { build, freePort, run as tidings, serve } from "../e2e/tidings.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const root = here("../..");
const cache = join(root, `.cache/init-${process.pid}`);
const run = promisify(execFile);
const patience = 120_000;

/** Writes a project, wired to `url`, with the client of its own archive beside what `setups` has installed. */
async function project(kind, url, name = kind) {
  const folder = join(cache, name);
  tidings(["init", kind, folder, "--url", url]);
  if (!existsSync(join(folder, "package.json"))) return folder;
  const client = join(cache, "client");
  if (!existsSync(client)) {
    mkdirSync(client);
    writeFileSync(join(client, "package.json"), JSON.stringify({ private: true, dependencies: { tidings: `file:${join(folder, "tidings-client.tgz")}` } }));
    await run("npm", ["install", "--offline", "--legacy-peer-deps", "--no-audit", "--no-fund"], { cwd: client });
  }
  cpSync(join(client, "node_modules/tidings"), join(folder, "node_modules/tidings"), { recursive: true });
  return folder;
}

/** Starts a program, and resolves when it has printed `text`. Without colours, which Vite puts into its words where `CI` is set. */
async function start(t, args, { cwd, env, text }) {
  const child = spawn(process.execPath, args, { cwd, env: { ...process.env, ...env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  t.after(async () => {
    child.kill();
    await exited;
  });
  const program = { child, out: "" };
  await new Promise((resolve, reject) => {
    const took = (part) => (program.out += part).includes(text) && resolve();
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", took);
    const late = setTimeout(() => reject(new Error(`${args[0]} did not print ${text}:\n${program.out}`)), patience);
    t.after(() => clearTimeout(late));
    void exited.then((code) => reject(new Error(`${args[0]} ended with ${code}:\n${program.out}`)));
  });
  return program;
}

/** Opens a project's page, publishes by its form, and waits until it shows that in its list. */
async function drive(t, url, shown = "driven") {
  const context = await (await chrome()).newContext();
  t.after(() => context.close());
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(url);
  await page.getByRole("status").getByText("connected", { exact: true }).waitFor();
  await page.getByRole("textbox").fill("driven");
  await page.getByRole("button").click();
  await page.getByRole("listitem").getByText(shown, { exact: true }).waitFor();
  assert.deepEqual(faults, []);
  return page;
}

describe("tidings init", { timeout: 900_000 }, () => {
  let server;
  before(async () => {
    build();
    mkdirSync(cache, { recursive: true });
    symlinkSync(here("node_modules"), join(cache, "node_modules"));
    server = await serve();
  });
  after(async () => {
    await closeChrome();
    await server?.stop();
    rmSync(cache, { recursive: true, force: true });
  });

  test("the archive of a project holds what npm pack packs", async () => {
    const folder = await project("react", server.url, "packed");
    const list = (archive) => execFileSync("tar", ["tzf", archive], { encoding: "utf8" }).trim().split("\n").sort();
    const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", cache], { cwd: here("..") });
    assert.deepEqual(list(join(folder, "tidings-client.tgz")), list(join(cache, Object.values(JSON.parse(stdout))[0].filename)));
  });

  test("react: tidings/vite starts a server where none runs, passes the bus on over WebSocket, and ends the server with Vite", async (t) => {
    const bus = `http://127.0.0.1:${await freePort()}`;
    const folder = await project("react", bus);
    await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--noEmit"], { cwd: folder }).catch((error) => assert.fail(error.stdout));
    const port = await freePort();
    const vite = await start(t, [here("node_modules/vite/bin/vite.js"), "--port", String(port), "--strictPort", "--host", "127.0.0.1"], {
      cwd: folder, env: { TIDINGS_BINARY: process.env.TIDINGS_BINARY ?? join(root, "bin/tidings") }, text: "Local:",
    });
    assert.match(vite.out, /Tidings at .*\n.*curl --json/);
    await drive(t, `http://127.0.0.1:${port}/`);
    const { connections } = await fetch(`${bus}/api/connections`).then((r) => r.json());
    assert.deepEqual(connections.map((c) => c.transport), ["websocket"]);
    vite.child.kill("SIGINT");
    for (const until = Date.now() + patience; Date.now() < until; ) if (!(await fetch(`${bus}/healthz`).then(() => true, () => false))) break;
    await assert.rejects(fetch(`${bus}/healthz`), "the server that Vite started has ended");
    await run(process.execPath, [here("node_modules/vite/bin/vite.js"), "build"], { cwd: folder });
  });

  test("html: the page hears what it publishes", async (t) => {
    const folder = await project("html", server.url);
    const types = { ".html": "text/html", ".js": "text/javascript" };
    const files = createServer((request, response) => {
      const path = join(folder, request.url.replace(/\/$/, "/index.html"));
      if (!existsSync(path)) return response.writeHead(404).end();
      response.writeHead(200, { "content-type": types[extname(path)] ?? "text/plain" }).end(readFileSync(path));
    });
    await new Promise((resolve) => files.listen(0, "127.0.0.1", resolve));
    t.after(() => files.close(files.closeAllConnections()));
    await drive(t, `http://127.0.0.1:${files.address().port}/`);
  });

  test("express: an order is shown, also on a page that comes later", async (t) => {
    const folder = await project("express", server.url);
    const port = await freePort();
    await start(t, ["server.js"], { cwd: folder, env: { PORT: String(port) }, text: "Open http" });
    await drive(t, `http://127.0.0.1:${port}/`, "1: driven");
    const later = await drive(t, `http://127.0.0.1:${port}/`, "2: driven");
    assert.deepEqual(await later.getByRole("listitem").allTextContents(), ["2: driven", "1: driven"]);
  });

  if (process.env.SETUPS === "all") {
    test("next: the page is rendered with what the channel keeps, and goes on behind it", async (t) => {
      // Outside of the repository, whose tsconfig.json would lead imports to the sources.
      const folder = mkdtempSync(join(tmpdir(), "tidings-init-next-"));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      cpSync(await project("next", server.url), folder, { recursive: true });
      cpSync(here("next/node_modules"), join(folder, "node_modules"), { recursive: true, filter: (path) => !path.endsWith("node_modules/tidings") });
      const next = join(folder, "node_modules/next/dist/bin/next");
      const env = { NEXT_TELEMETRY_DISABLED: "1" };
      await run(process.execPath, [next, "build"], { cwd: folder, env: { ...process.env, ...env } });
      const port = await freePort();
      await server.publish("hello", "kept");
      await start(t, [next, "start", "-p", String(port), "-H", "127.0.0.1"], { cwd: folder, env, text: "Ready" });
      assert.match(await fetch(`http://127.0.0.1:${port}/`).then((r) => r.text()), /<li>kept<\/li>/);
      const page = await drive(t, `http://127.0.0.1:${port}/`);
      assert.deepEqual((await page.getByRole("listitem").allTextContents()).slice(0, 2), ["driven", "kept"]);
    });
  }
});
