// The page at /doctor in a real Chromium, through a real nginx: what it says of each fault, and that it says the same
// as `tidings doctor`.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chrome, closeChrome, until } from "./clients.mjs";
import { freePort, serve } from "./tidings.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const binary = process.env.TIDINGS_BINARY ?? join(root, "bin/tidings");
const WEBSOCKETS = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgraded;";

/** Runs nginx in front of a server, with `more` in its location. */
async function nginx(server, more) {
  const dir = mkdtempSync(join(tmpdir(), "tidings-nginx-"));
  const port = await freePort();
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${dir}/${name};`).join(" ");
  writeFileSync(join(dir, "nginx.conf"), `
    daemon off; user root; worker_processes 1; pid ${dir}/pid; error_log ${dir}/error.log;
    events { worker_connections 256; }
    http {
      access_log off; ${temp} map $http_upgrade $upgraded { default upgrade; '' ''; }
      server { listen 127.0.0.1:${port}; location / { proxy_pass ${server.url}; proxy_set_header Host $http_host; ${more} } }
    }`);
  const child = spawn("nginx", ["-p", dir, "-c", join(dir, "nginx.conf")], { stdio: "inherit" });
  const ended = new Promise((resolve, reject) => child.once("error", reject).once("exit", resolve));
  const url = `http://127.0.0.1:${port}`;
  await until("nginx", () => fetch(`${url}/healthz`).then((r) => r.ok, () => false));
  return {
    url,
    async stop() {
      child.kill();
      await ended;
      rmSync(dir, { recursive: true });
    },
  };
}

/** Answers WebSocket handshakes as the server does, and then swallows every frame. */
async function eater(server) {
  const { port } = new URL(server.url);
  const sockets = new Set();
  const listener = createServer((client) => {
    const upstream = connect(Number(port), "127.0.0.1");
    let eats = false;
    for (const s of [client, upstream]) {
      sockets.add(s);
      s.on("error", () => {}).on("close", () => (client.destroy(), upstream.destroy()));
    }
    client.on("data", (bytes) => {
      if (!eats) upstream.write(bytes);
      eats ||= /^upgrade: websocket/im.test(bytes.toString("latin1"));
    });
    upstream.on("data", (bytes) => client.write(bytes));
  });
  const own = await freePort();
  await new Promise((resolve) => listener.listen(own, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${own}`,
    async stop() {
      for (const s of sockets) s.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

const nothing = (server) => ({ url: server.url, stop: async () => {} });

/**
 * What stands between, and what is said of it. `six_connections` goes with every fault of WebSockets, since here is no
 * HTTP/2.
 */
const rows = [
  { name: "nothing", between: nothing, summary: "best", verdicts: [] },
  { name: "nginx as it is installed", between: (s) => nginx(s, ""), summary: "sse", verdicts: ["websocket_refused", "six_connections"] },
  { name: "nginx that buffers whatever the server says", between: (s) => nginx(s, "proxy_ignore_headers X-Accel-Buffering;"), summary: "poll", verdicts: ["websocket_refused", "sse_buffered", "six_connections"] },
  { name: "nginx that cuts silence after 3 s", between: (s) => nginx(s, `${WEBSOCKETS} proxy_read_timeout 3s;`), summary: "websocket", verdicts: ["idle_cut"] },
  { name: "nginx that takes 2 KiB", between: (s) => nginx(s, `${WEBSOCKETS} client_max_body_size 2k;`), summary: "websocket", verdicts: ["upload_limited"] },
  { name: "a device that swallows frames", between: eater, summary: "sse", verdicts: ["websocket_eaten", "six_connections"] },
];

describe("the network doctor", { timeout: 180_000 }, () => {
  let server;
  before(async () => (server = await serve()));
  after(async () => {
    await closeChrome();
    await server.stop();
  });

  for (const row of rows) {
    test(row.name, async (t) => {
      const between = await row.between(server);
      t.after(() => between.stop());
      const asked = promisify(execFile)(binary, ["doctor", between.url, "--json", "--idle", "5s"]); // meanwhile
      const page = await (await chrome()).newPage({ viewport: { width: 1280, height: 900 } });
      const errors = [];
      page.on("pageerror", (e) => errors.push(e.message));
      await page.addInitScript(() => (window.securityFaults = [], document.addEventListener("securitypolicyviolation", (e) => window.securityFaults.push(e.violatedDirective))));
      await page.goto(`${between.url}/doctor/?token=secret-in-the-address`);
      const report = await until("the report", async () => {
        const text = await page.textContent("#report");
        return text.startsWith("{") && JSON.parse(text);
      });
      assert.deepEqual([report.summary, report.verdicts], [row.summary, row.verdicts], JSON.stringify(report.facts));
      assert.doesNotMatch(JSON.stringify(report), /secret|session/);
      assert.equal(await page.locator("#findings article").count(), row.verdicts.length);
      if (row.verdicts.length) assert.match(await page.locator("#findings pre").first().textContent(), /\S/);
      assert.deepEqual([errors, await page.evaluate(() => window.securityFaults)], [[], []]);
      if (process.env.SCREENSHOTS) await screenshots(page, row.name);
      await page.close();

      const command = JSON.parse((await asked).stdout);
      assert.deepEqual([command.summary, command.verdicts], [row.summary, row.verdicts], "the command says the same");
    });
  }

  test("a token that the page was given is not in its report", async () => {
    const page = await (await chrome()).newPage();
    await page.goto(`${server.url}/doctor`);
    const done = () => until("the end", () => page.evaluate(() => !document.querySelector("#options button").disabled && document.querySelector("#report").textContent.startsWith("{")));
    await done();
    await page.fill("input[name=token]", "a-token-of-mine");
    await page.selectOption("select[name=idle]", "0");
    const sent = page.waitForRequest((r) => r.url().endsWith("/bus/sse"));
    await page.click("#options button");
    assert.equal((await sent).headers().authorization, "Bearer a-token-of-mine");
    await done();
    const text = await page.content();
    assert.ok(!text.includes("a-token-of-mine"));
    await page.close();
  });

  test("nobody is left on the server", async () => {
    await until("no connections", async () => (await server.metric("tidings_connections")) + (await server.metric("tidings_connections_parked")) === 0);
  });
});

async function screenshots(page, name) {
  for (const [width, scheme] of [[1280, "light"], [1280, "dark"], [390, "light"], [390, "dark"]]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name.replaceAll(" ", "-")}-${width}-${scheme}.png`, fullPage: true });
  }
}
