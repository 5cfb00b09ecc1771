// The whole example in real Chromium: three built nodes on Redis behind HAProxy, one killed, one restarted gently. `npm run test:demo`.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chrome, closeChrome } from "../../clientjs/e2e/clients.mjs";
import { build } from "../../clientjs/e2e/tidings.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const place = mkdtempSync(join(tmpdir(), "tidings-test-"));
/** For what the machine has to do, which may be busy. */
const patience = { timeout: 60_000 };
let child, url;

before(async () => {
  build();
  const program = join(place, "cluster");
  execFileSync("go", ["build", "-tags", "nomsgpack", "-o", program, "./examples/cluster"], { cwd: root, stdio: "inherit" });
  child = spawn(program, ["-tidings", process.env.TIDINGS_BINARY ?? join(root, "bin/tidings"), "-port", "0"], { env: { ...process.env, TMPDIR: place }, stdio: ["ignore", "pipe", "inherit"] });
  url = await new Promise((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (text) => ((said += text), /http:\S+/.test(said) && resolve(/http:\S+/.exec(said)[0])));
    child.once("exit", (code) => reject(new Error(`the example ended with ${code}`)));
  });
});
after(async () => {
  await closeChrome();
  if (child?.exitCode === null) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  rmSync(place, { recursive: true, force: true });
});

const state = async () => (await fetch(`${url}state`)).json();
/** The ids of the processes that the example has started. */
const children = () => execFileSync("ps", ["-o", "pid=", "--ppid", String(child.pid)], { encoding: "utf8" }).trim().split(/\s+/).map(Number);

test("a node is killed and started, and one restarts gently: nothing is lost, nothing comes twice", async () => {
  const page = await (await chrome()).newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(url);
  const text = (id) => page.getByTestId(id).textContent();
  /** Waits until something of the state is true, and the page has shown a state after that. */
  const until = (what, arg) => page.waitForFunction(async ([body, arg]) => new Function("s", "arg", `return ${body}`)(await (await fetch("state")).json(), arg), [what, arg], { ...patience, polling: 200 });
  const more = async (n) => until("s.published >= arg && s.listeners.every((l) => l.node && l.heard >= arg)", (await state()).published + n);

  await until("s.nodes.every((n) => n.state === 'up') && s.nodes.every((n) => s.listeners.some((l) => l.node === n.name))");
  await more(3);
  await page.getByLabel("Kill node1").click();
  await page.locator('[data-testid="node1"][data-state="down"][data-carries="0"]').waitFor(patience);
  await more(5); // all hear again, elsewhere
  assert.equal((await state()).listeners.some((l) => l.node === "node1"), false);
  await page.getByLabel("Start node1").click();
  await page.locator('[data-testid="node1"][data-state="up"]').waitFor(patience);
  await page.getByLabel("Restart gently node2").click();
  await page.getByTestId("events").getByText("node2 is up again").waitFor(patience);
  await more(5);
  await page.waitForFunction(() => [...document.querySelectorAll('[data-testid^="mine-"] td:nth-child(2)')].every((td) => td.textContent.startsWith("Node")), null, patience);

  await until("s.nodes.every((n) => n.taken > 0)");
  const { listeners, published } = await state();
  assert.ok(listeners.some((l) => l.moves > 0), "somebody moved");
  for (const l of listeners) assert.deepEqual([l.lost, l.twice, l.gaps], [0, 0, 0], `${l.transport} ${l.name} of ${published}`);
  assert.deepEqual([await text("lost"), await text("twice"), await text("gaps")], ["0", "0", "0"]);
  assert.match(await text("verdict"), /^Nothing is lost\. 30 clients/);
  assert.deepEqual(faults, []);
});

test("Ctrl-C ends everything that it started", async () => {
  const started = children();
  assert.equal(started.length, 5); // Redis, HAProxy, three nodes
  child.kill("SIGINT");
  assert.deepEqual(await once(child, "exit"), [0, null]);
  for (const pid of started) assert.equal(existsSync(`/proc/${pid}`), false);
  assert.deepEqual(readdirSync(place), ["cluster"]);
});
