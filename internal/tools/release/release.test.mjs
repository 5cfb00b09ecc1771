// What `make release` makes, tried where nothing else is: a folder as the whole file system (chroot), without Go, without
// this repository. From the first command of README to a page that hears a message.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chrome, closeChrome } from "../../../clientjs/e2e/clients.mjs";
import { freePort } from "../../../clientjs/e2e/tidings.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const run = promisify(execFile);
const work = mkdtempSync(join(tmpdir(), "tidings-release-"));
chmodSync(work, 0o755);
const version = "0.1.0-test";
const file = (name) => join(work, "a", name);
const started = [];
const sum = (data) => createHash("sha256").update(data).digest("hex");
const untar = (name, folder) => execFileSync("tar", ["-xf", name, "-C", folder]);

/** Makes an empty root file system, with /tmp. */
function emptyRoot(name) {
  const folder = join(work, name);
  mkdirSync(join(folder, "tmp"), { recursive: true });
  chmodSync(join(folder, "tmp"), 0o1777);
  return folder;
}

/** Runs a server in a root of its own and returns its URL. It ends with `stop`. */
async function serveIn(folder, command, { env = {}, user = "65532:65532" } = {}) {
  const port = await freePort();
  const child = spawn("/usr/sbin/chroot", [`--userspec=${user}`, folder, ...command], { cwd: "/", env: { ...env, TIDINGS_ADDR: `127.0.0.1:${port}` }, stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  let said = "";
  const listening = new Promise((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text) => (said += text).includes('"msg":"listening"') && resolve());
    child.once("exit", (code) => reject(new Error(`it ended with ${code}:\n${said}`)));
  });
  child.stdout.resume();
  await listening;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  return { url: `http://127.0.0.1:${port}`, stop: async () => (child.kill(), assert.equal(await exited, 0, said)) };
}

/** Opens the start page, publishes as README does, and waits until the page has it. */
async function hears(url) {
  const page = await (await chrome()).newPage();
  try {
    await page.goto(url);
    await page.locator("#messages[data-live]").waitFor({ state: "attached", timeout: 60_000 });
    execFileSync("curl", ["-fsS", "-H", "Content-Type: application/json", "-d", '{"channel": "hello", "data": {"n": 7}}', `${url}/api/publish`]);
    await page.getByText('{"n":7}').waitFor({ timeout: 60_000 });
  } finally {
    await page.close();
  }
}

/** Asserts that a step took less than a minute. */
async function timed(t, step) {
  const began = Date.now();
  await step();
  const seconds = (Date.now() - began) / 1000;
  t.diagnostic(`${seconds} s`);
  assert.ok(seconds < 60, `${seconds} s`);
}

describe("a release", { timeout: 1_800_000 }, () => {
  before(async () => {
    const make = (folder) => run("go", ["run", "./internal/tools/release", "-version", version, "-only", "linux/amd64", "-out", join(work, folder)], { cwd: root });
    await make("a");
    await make("b");
  });
  after(async () => {
    for (const child of started) child.kill("SIGKILL"); // of a test that failed
    await closeChrome();
    rmSync(work, { recursive: true, force: true });
  });

  test("is the same bytes when it is made again", () => {
    const sums = readFileSync(file("SHA256SUMS"), "utf8");
    assert.equal(readFileSync(join(work, "b/SHA256SUMS"), "utf8"), sums);
    for (const [, want, name] of sums.matchAll(/^(\w{64})  (.+)$/gm)) assert.equal(sum(readFileSync(file(name))), want, name);
    assert.deepEqual(readdirSync(join(work, "a")).sort(), ["SHA256SUMS", "install.sh", ...["amd64.deb", "linux_amd64.image.tar", "linux_amd64.spdx.json", "linux_amd64.tar.gz"].map((end) => `tidings_${version}_${end}`)]);
  });

  test("the tarball: unpacked in an empty root, it serves a page that hears a message", (t) =>
    timed(t, async () => {
      const folder = emptyRoot("tarball");
      untar(file(`tidings_${version}_linux_amd64.tar.gz`), folder);
      const server = await serveIn(folder, ["/tidings", "serve", "--dev"]);
      await hears(server.url);
      const { stdout } = await run("/usr/sbin/chroot", [folder, "/tidings", "version"]);
      assert.ok(stdout.startsWith(`tidings ${version},`) || stdout.startsWith(`tidings ${version} `), stdout);
      await server.stop();
    }));

  test("install.sh installs what it has checked, and nothing else", (t) =>
    timed(t, async () => {
      const folder = emptyRoot("script");
      const install = (from) => run("sh", [file("install.sh"), `file://${from}`, join(folder, "usr/local/bin")]);
      const bad = join(work, "bad");
      cpSync(join(work, "a"), bad, { recursive: true });
      appendFileSync(join(bad, `tidings_${version}_linux_amd64.tar.gz`), "x");
      await assert.rejects(install(bad), /is not what was released: its SHA-256 is \w{64}, and must be/);
      await assert.rejects(install(join(work, "nothing")), /cannot get/);
      assert.ok(!existsSync(join(folder, "usr")), "nothing is there");
      assert.ok((await install(join(work, "a"))).stdout.startsWith(`tidings ${version}`));
      const server = await serveIn(folder, ["/usr/local/bin/tidings", "serve", "--dev"]);
      await hears(server.url);
      await server.stop();
    }));

  test("the Debian package: installed, it has a unit and an empty file of settings, and serves", (t) =>
    timed(t, async () => {
      const folder = emptyRoot("debian");
      mkdirSync(join(folder, "var/lib/dpkg/updates"), { recursive: true });
      mkdirSync(join(folder, "var/lib/dpkg/info"));
      writeFileSync(join(folder, "var/lib/dpkg/status"), "");
      const dpkg = (...args) => run("dpkg", [`--root=${folder}`, "--force-script-chrootless", "--force-architecture", ...args]);
      await dpkg("-i", file(`tidings_${version}_amd64.deb`));
      assert.match(readFileSync(join(folder, "usr/lib/systemd/system/tidings.service"), "utf8"), /^ExecStart=\/usr\/bin\/tidings serve --config \/etc\/tidings\/tidings.yaml$/m);
      const settings = join(folder, "etc/tidings/tidings.yaml");
      assert.deepEqual(readFileSync(settings, "utf8").split("\n").filter((line) => line && !line.startsWith("#")), [], "nothing is decided");
      const check = run("/usr/sbin/chroot", [folder, "/usr/bin/tidings", "check-config", "--config", "/etc/tidings/tidings.yaml"]);
      await assert.rejects(check, /no API key.*\n.*rules.subscribe is not set/s);
      const server = await serveIn(folder, ["/usr/bin/tidings", "serve", "--dev"]);
      await hears(server.url);
      await server.stop();
      appendFileSync(settings, "rules: {subscribe: nobody}\n");
      await dpkg("-i", "--force-confold", file(`tidings_${version}_amd64.deb`));
      assert.ok(readFileSync(settings, "utf8").endsWith("rules: {subscribe: nobody}\n"), "an upgrade leaves the settings alone");
    }));

  test("the image: it is whole, runs as nobody, writes nothing, and its own health check passes", (t) =>
    timed(t, async () => {
      const [archive, folder] = [join(work, "image"), join(work, "container")];
      mkdirSync(archive);
      mkdirSync(folder);
      untar(file(`tidings_${version}_linux_amd64.image.tar`), archive);
      for (const name of readdirSync(join(archive, "blobs/sha256"))) assert.equal(sum(readFileSync(join(archive, "blobs/sha256", name))), name);
      const json = (name) => JSON.parse(readFileSync(join(archive, name), "utf8"));
      const blob = ({ digest }) => `blobs/sha256/${digest.slice("sha256:".length)}`;
      const manifest = json(blob(json("index.json").manifests[0]));
      const image = json(blob(manifest.config));
      assert.equal(manifest.layers.length, 1);
      untar(join(archive, blob(manifest.layers[0])), folder);
      assert.deepEqual(json("manifest.json"), [{ Config: blob(manifest.config), RepoTags: [`tidings:${version}`], Layers: [blob(manifest.layers[0])] }]);
      const { User: user, Env, Entrypoint, Cmd, Healthcheck } = image.config;
      assert.match(user, /^[1-9]\d*:[1-9]\d*$/, "not root");
      assert.deepEqual(Env, ["TIDINGS_ADDR=:8080"]);
      const env = { TIDINGS_API_KEY: "0123456789abcdef0123", TIDINGS_RULES_SUBSCRIBE: "anyone" };
      const server = await serveIn(folder, [...Entrypoint, ...Cmd], { env, user });
      await run("/usr/sbin/chroot", [`--userspec=${user}`, folder, ...Healthcheck.Test.slice(1)], { env: { ...env, TIDINGS_ADDR: server.url.slice("http://".length) } });
      await server.stop();
      const written = (path) => readdirSync(path, { recursive: true }).filter((name) => statSync(join(path, name)).uid === Number(user.split(":")[0]));
      assert.deepEqual(written(folder), [], "it may be read-only");
      const dev = await serveIn(folder, [...Entrypoint, "serve", "--dev"], { user });
      await hears(dev.url);
      await dev.stop();
    }));

  test("the list of what is in the binary names each module with its version", () => {
    const { packages, relationships } = JSON.parse(readFileSync(file(`tidings_${version}_linux_amd64.spdx.json`), "utf8"));
    const named = (name) => packages.find((p) => p.name === name);
    assert.equal(named("tidings").versionInfo, version);
    const [, gin] = /^\tgithub.com\/gin-gonic\/gin (\S+)/m.exec(readFileSync(join(root, "go.mod"), "utf8"));
    assert.equal(named("github.com/gin-gonic/gin").versionInfo, gin);
    assert.equal(relationships.length, packages.length);
  });

  test("a version without a date in CHANGELOG.md is not released", async () => {
    await assert.rejects(run("go", ["run", "./internal/tools/release", "-version", "99.0.0", "-out", join(work, "c")], { cwd: root }), /CHANGELOG.md has no heading "## 99.0.0 \(YYYY-MM-DD\)"/);
  });
});
