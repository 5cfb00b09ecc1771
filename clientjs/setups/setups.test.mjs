// The package as `npm pack` makes it, installed into projects as others have them: Node by import and by require,
// Jest, Vite, a script tag, and with `SETUPS=all` Next.js, which is large. `make packages` runs all.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chrome, closeChrome } from "../e2e/clients.mjs";
import { freePort, serve } from "../e2e/tidings.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const root = here("../..");
const cache = join(root, `.cache/setups-${process.pid}`);
const run = promisify(execFile);
const { exports: entries } = JSON.parse(readFileSync(here("../package.json"), "utf8"));
/** Every entry that has code of its own: "tidings", "tidings/react" … */
const names = Object.keys(entries).filter((entry) => typeof entries[entry] === "object").map((entry) => entry.replace(".", "tidings"));

let packed;
/** Copies a project, and installs the packed package into it. */
async function project(name, from = `projects/${name}`) {
  const folder = join(cache, name);
  cpSync(here(from), folder, { recursive: true });
  if (!existsSync(join(folder, "package.json"))) writeFileSync(join(folder, "package.json"), '{ "private": true }');
  await run("npm", ["install", "--offline", "--no-save", "--legacy-peer-deps", packed], { cwd: folder });
  assert.ok(!existsSync(join(folder, "node_modules/tidings/src")), "it has what was packed");
  return folder;
}

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".map": "application/json" };
/** Serves the files of a folder. */
async function files(folder) {
  const server = createServer((request, response) => {
    const path = join(folder, new URL(request.url, "http://x").pathname.replace(/\/$/, "/index.html"));
    if (!path.startsWith(folder) || !existsSync(path)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": types[extname(path)] ?? "text/plain" }).end(readFileSync(path));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close(server.closeAllConnections()) };
}

describe("the package, installed", { timeout: 900_000 }, () => {
  let server;
  before(async () => {
    assert.ok(existsSync(here("node_modules/.package-lock.json")), "make deps installs what the projects need");
    mkdirSync(cache, { recursive: true });
    symlinkSync(here("node_modules"), join(cache, "node_modules")); // what a project has beside the package
    const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", cache], { cwd: here("..") });
    packed = join(cache, Object.values(JSON.parse(stdout))[0].filename);
    server = await serve();
  });
  after(async () => {
    await closeChrome();
    await server?.stop();
    rmSync(cache, { recursive: true, force: true });
  });

  /** Opens a page and publishes until it shows that it has heard. */
  async function hears(url, channel) {
    const page = await (await chrome()).newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    try {
      await page.goto(url);
      await page.waitForFunction(() => document.querySelector("#heard")?.textContent.startsWith("connected"), undefined, { timeout: 60_000 });
      for (let heard = false; !heard; ) heard = (await server.publish(channel, "hello")).receivers > 0;
      await page.waitForFunction(() => document.querySelector("#heard").textContent.includes("hello"), undefined, { timeout: 60_000 });
      assert.deepEqual(errors, []);
    } finally {
      await page.close();
    }
  }

  test("publint finds nothing to say", async () => {
    const { publint } = await import("publint");
    const { messages } = await publint({ pkgDir: here(".."), level: "suggestion", strict: true });
    assert.deepEqual(messages, []);
  });

  test("the types are right for each way to resolve them, as @arethetypeswrong/cli sees it", async () => {
    const { stdout } = await run(process.execPath, [join(root, "node_modules/@arethetypeswrong/cli/dist/index.js"), packed, "--exclude-entrypoints", "iife", "--format", "json"], { maxBuffer: 1 << 28 });
    const { analysis, problems = {} } = JSON.parse(stdout);
    assert.deepEqual([Object.keys(problems), analysis.problems], [[], []]);
    assert.ok(Object.keys(analysis.entrypoints).length > names.length, "it looked at every entry");
  });

  test("the files are those that a stranger needs, and not more", () => {
    const list = execFileSync("tar", ["tzf", packed], { encoding: "utf8" }).trim().split("\n").map((path) => path.slice("package/".length));
    assert.deepEqual(list.filter((path) => !path.startsWith("dist/")).sort(), ["LICENSE", "README.md", "package.json"]);
    assert.ok(list.includes("dist/esm/tidings.js.map") && list.includes("dist/cjs/types/react.d.ts"));
    assert.equal(readFileSync(here("../LICENSE"), "utf8"), readFileSync(join(root, "LICENSE"), "utf8"));
  });

  test("Node gets the same names by import and by require", async () => {
    const cwd = await project("node");
    const [imported, required] = await Promise.all(["import.mjs", "require.cjs"].map((file) => run(process.execPath, [file, ...names], { cwd })));
    assert.deepEqual(JSON.parse(imported.stdout), JSON.parse(required.stdout));
    assert.deepEqual(JSON.parse(required.stdout).tidings, ["TidingsError", "createMessageBus", "sharedMessageBus"]);
  });

  test("both forms in one process are one connection", async () => {
    const cwd = join(cache, "node");
    const child = spawn(process.execPath, ["both.mjs", `${server.url}/bus`], { cwd, stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    const subscribed = new Promise((resolve) => child.stdout.setEncoding("utf8").on("data", (text) => (out += text).split("subscribed").length > 2 && resolve()));
    const exited = new Promise((resolve) => child.once("exit", resolve));
    await subscribed;
    const answer = await fetch(`${server.url}/api/connections?channel=setups/both`).then((r) => r.json());
    await server.publish("setups/both", "hello");
    assert.equal(await exited, 0);
    assert.equal(answer.connections.length, 1, JSON.stringify(answer));
    assert.ok(out.trim().endsWith('["hello","hello"]'), out);
  });

  test("an import in React Native throws a sentence", async () => {
    for (const file of ["import.mjs", "require.cjs"]) {
      for (const name of names) {
        const { stderr } = await run(process.execPath, ["--conditions=react-native", file, name], { cwd: join(cache, "node") }).then(() => assert.fail("it loaded"), (error) => error);
        assert.match(stderr, /Error: tidings does not run in React Native: /, `${file} ${name}`);
      }
    }
  });

  test("Jest runs a component, and a bus, without being told to transform anything", async () => {
    const cwd = await project("jest");
    const { stderr } = await run(process.execPath, [here("node_modules/jest/bin/jest.js"), "--ci", "--rootDir", cwd, "--watchman=false"], { cwd });
    assert.match(stderr, /Tests: +2 passed/);
  });

  test("Vite builds a page that hears a message, and has no texts for development", async () => {
    const cwd = await project("vite");
    const { stdout, stderr } = await run(process.execPath, [here("node_modules/vite/bin/vite.js"), "build"], { cwd });
    assert.doesNotMatch(stdout + stderr, /warning|missing source/i);
    const assets = readdirSync(join(cwd, "dist/assets"));
    const code = assets.filter((name) => name.endsWith(".js")).map((name) => readFileSync(join(cwd, "dist/assets", name), "utf8")).join();
    assert.ok(!code.includes("The server was not reached."));
    const maps = assets.filter((name) => name.endsWith(".map")).map((name) => readFileSync(join(cwd, "dist/assets", name), "utf8")).join();
    assert.ok(maps.includes("src/bus/bus.ts"), "its maps lead to the sources");
    const page = await files(join(cwd, "dist"));
    await hears(`${page.url}/?bus=${server.url}/bus`, "setups/vite");
    page.close();
  });

  test("a page without a bundler hears a message by the script tag's file", async () => {
    const page = await files(await project("html"));
    await hears(`${page.url}/?bus=${server.url}/bus`, "setups/html");
    page.close();
  });

  if (process.env.SETUPS === "all") {
    test("Next.js renders the page on the server, and it hears a message", async () => {
      const folder = here("next");
      await run("npm", ["install", "--prefer-offline", "--no-save", packed], { cwd: folder });
      await run("npm", ["run", "build"], { cwd: folder, env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" } });
      const port = await freePort();
      const child = spawn(process.execPath, ["node_modules/next/dist/bin/next", "start", "-p", String(port), "-H", "127.0.0.1"], { cwd: folder, env: { ...process.env, BUS: `${server.url}/bus`, NEXT_TELEMETRY_DISABLED: "1" }, stdio: ["ignore", "pipe", "inherit"] });
      try {
        await new Promise((resolve, reject) => {
          child.stdout.setEncoding("utf8").on("data", (text) => text.includes("Ready") && resolve());
          child.once("exit", (code) => reject(new Error(`next start ended with ${code}`)));
        });
        const html = await fetch(`http://127.0.0.1:${port}/`).then((r) => r.text());
        assert.match(html, /<p id="heard">idle: <\/p>/);
        await hears(`http://127.0.0.1:${port}/`, "setups/next");
      } finally {
        child.kill();
      }
    });
  }
});
