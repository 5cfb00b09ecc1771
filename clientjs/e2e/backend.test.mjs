// The example backends, Node's and Go's, behind the real binary, driven by a page in Chromium: sign in by a session
// cookie, subscribe by leave of the application, call it, call a route of it, and hear what the route publishes; be put
// in channels by routes; and the application is told who comes and goes.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chrome, closeChrome, until } from "./clients.mjs";
import { freePort, serve } from "./tidings.mjs";

const example = (path) => fileURLToPath(new URL(`../../examples/backend/${path}`, import.meta.url));
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw1234567890ab";
const pageSecret = "the secret of these tests' pages, of more than 32 bytes";

/** One origin for the page, the bus and the application, as a proxy in production makes it. */
function front(bus, app) {
  const to = (url) => (/^\/(bus|client)\b/.test(url) ? bus : app);
  const server = createServer((req, res) => {
    const on = request(`http://127.0.0.1:${to(req.url)}${req.url}`, { method: req.method, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    });
    on.on("error", () => res.destroy());
    res.on("close", () => on.destroy());
    req.pipe(on);
  });
  server.on("upgrade", (req, socket) => {
    const on = request(`http://127.0.0.1:${bus}${req.url}`, { headers: req.headers });
    on.on("upgrade", (answer, there) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${Object.entries(answer.headers).map(([k, v]) => `${k}: ${v}`).join("\r\n")}\r\n\r\n`);
      there.pipe(socket).pipe(there);
      for (const s of [socket, there]) s.on("error", () => {}).on("close", () => (socket.destroy(), there.destroy()));
    });
    on.on("error", () => socket.destroy());
    on.end();
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

const scratch = mkdtempSync(join(tmpdir(), "tidings-backend-"));
after(async () => {
  await closeChrome();
  rmSync(scratch, { recursive: true });
});

const backends = {
  Node: () => [process.execPath, [example("node/server.mjs")]],
  Go: () => {
    execFileSync("go", ["build", "-o", join(scratch, "backend"), "./examples/backend/go"], { cwd: example("../..") });
    return [join(scratch, "backend"), []];
  },
};

for (const [language, program] of Object.entries(backends)) {
  describe(`a backend in ${language}`, { timeout: 120_000 }, () => {
    let app, appPort, bus, origin;
    let log = "";
    const start = async (port) => {
      const [command, args] = program();
      const child = spawn(command, args, { cwd: example("go"), env: { ...process.env, PORT: String(port), TIDINGS: bus.url, HOOK_SECRET: secret, PAGE_SECRET: pageSecret }, stdio: ["ignore", "pipe", "inherit"] });
      child.stdout.on("data", (text) => (log += text));
      await until("the backend", () => log.includes("listening"));
      return child;
    };
    before(async () => {
      const busPort = await freePort();
      appPort = await freePort();
      bus = await serve({
        TIDINGS_HOOKS_URL: `http://127.0.0.1:${appPort}/hooks`, TIDINGS_HOOKS_SECRET: secret, TIDINGS_HOOKS_ROUTES_URL: `http://127.0.0.1:${appPort}`,
        TIDINGS_CONNECTION_IDS_SECRET: pageSecret, TIDINGS_PARK: "1s",
      }, busPort, ["--config", example("tidings.yaml")]);
      app = await start(appPort);
      origin = await front(busPort, appPort);
    });
    after(async () => {
      origin?.closeAllConnections();
      origin?.close();
      await bus?.stop();
      app?.kill();
    });

    test("sign in, subscribe, call, check in, hear it", async () => {
      const context = await (await chrome()).newContext();
      const tab = await context.newPage();
      const text = (selector) => tab.locator(selector).textContent();
      await tab.goto(`http://127.0.0.1:${origin.address().port}/`);
      await until("the refusal", async () => (await text("#answer")) === "sign in first");
      assert.equal(await text("#who"), "nobody");

      await tab.fill("#login input", "ann");
      await Promise.all([tab.waitForEvent("load"), tab.click("#login button")]);
      await until("the session", async () => (await text("#who")) === "ann");
      await tab.fill("#arrive input", "Grace");
      await tab.click("#arrive button");
      await until("the route's answer", async () => (await text("#answer")) === "visit 1");
      await until("what it published", async () => (await text("#visits")) === "Grace, by ann");
      await tab.click("#count");
      await until("the call's answer", async () => (await text("#answer")) === "1 today");
      assert.equal(await bus.metric("tidings_hooks_total", { hook: "call", outcome: "allowed" }) >= 3, true);
      assert.equal(await bus.metric("tidings_hooks_total", { hook: "subscribe", outcome: "refused" }) >= 1, true);
      await until("the events", () => /connected \S+ ann/.test(log) && log.includes("occupied visits"));
      await context.close();
      await until("the end", () => /disconnected \S+ ann/.test(log));
    });

    test("the pages of a session are put at desks by its routes, before and after their sockets exist, until it signs out", async () => {
      const context = await (await chrome()).newContext();
      const url = `http://127.0.0.1:${origin.address().port}`;
      const open = async (path, prepare = async () => {}) => {
        const tab = await context.newPage();
        await prepare(tab);
        await tab.goto(url + path);
        await until("connected", async () => (await tab.locator("#status").textContent()) === "connected");
        await until("it is known", async () => (await tab.locator("#who").textContent()) === "bob");
        return { tab, lines: (id) => tab.locator(`#${id} li`).allTextContents(), hears: (id, line) => until(line, async () => (await tab.locator(`#${id} li`).allTextContents()).includes(line)) };
      };
      const login = await context.request.post(`${url}/login`, { form: { user: "bob" } });
      assert.equal(login.status(), 200);

      const north = await open("/desk/north");
      const plain = await open("/");
      const forged = await open("/", (tab) => tab.route(`${url}/`, async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ response: answer, body: (await answer.text()).replace(/(content="[^"]*~)(.)([^"~]*")/, (_, before, c, rest) => before + (c === "A" ? "B" : "A") + rest) });
      }));
      // By the call route: one visit, in two channels.
      const checkIn = async (name, desk) => {
        await plain.tab.bringToFront(); // where nobody looks a click waits long
        await plain.tab.fill("#arrive input", name);
        await plain.tab.selectOption("#arrive select", desk);
        await plain.tab.click("#arrive button");
        for (const page of [north, plain, forged]) await page.hears("visits", `${name}, by bob`);
      };
      await checkIn("Ada", "north");
      for (const page of [north, plain]) await page.hears("desk", "Ada at desk/north");
      await checkIn("Grace", "south");
      await plain.tab.click("#follow");
      await until("it follows", async () => (await plain.tab.locator("#following").textContent()).includes("south"));
      await checkIn("Edsger", "south");
      for (const page of [north, plain]) await page.hears("desk", "Edsger at desk/south");
      assert.deepEqual(await north.lines("desk"), ["Ada at desk/north", "Edsger at desk/south"], "and not of Grace, who came before");

      await north.tab.bringToFront();
      await north.tab.click("#logout");
      await until("it is out", async () => (await north.tab.locator("#who").textContent()) === "nobody");
      await bus.publish("desk/north", { name: "Barbara" });
      await bus.publish("visits", { name: "the", by: "end" });
      for (const page of [north, plain, forged]) await page.hears("visits", "the, by end");
      assert.deepEqual([await north.lines("desk"), await plain.lines("desk"), await forged.lines("desk")], [["Ada at desk/north", "Edsger at desk/south"], ["Ada at desk/north", "Edsger at desk/south"], []]);
      if (process.env.SCREENSHOTS) {
        for (const width of [390, 1280]) {
          await plain.tab.setViewportSize({ width, height: 800 });
          await plain.tab.screenshot({ path: join(process.env.SCREENSHOTS, `backend-${language}-${width}.png`), fullPage: true });
        }
      }
      await context.close();
    });

    test("a request that is not the server's is refused", async () => {
      const url = `http://127.0.0.1:${origin.address().port}`;
      const headers = { "content-type": "application/json", "webhook-id": "1", "webhook-timestamp": String(Math.floor(Date.now() / 1000)), "webhook-signature": "v1,AAAA" };
      for (const [path, body, more] of [["/hooks", { hook: "connect" }, {}], ["/visits", { name: "Eve" }, { "tidings-caller": Buffer.from('{"user":"ann"}').toString("base64url") }]]) {
        assert.equal((await fetch(url + path, { method: "POST", headers: { ...headers, ...more }, body: JSON.stringify(body) })).status, 401, path);
      }
    });

    test("while the backend is down a subscription waits, and then is", async () => {
      app.kill();
      await new Promise((done) => app.once("exit", done));
      log = "";
      const { createMessageBus } = await import("../dist/tidings.js");
      const { call } = await import("../dist/call.js");
      const { WebSocket } = await import("ws");
      const client = createMessageBus({ url: `${bus.url}/bus`, WebSocket });
      try {
        const subscribed = new Promise((done, fail) => client.subscribe("public", () => {}, { onSubscribed: done, onError: fail }));
        await until("a refusal that says come back", async () => (await bus.metric("tidings_hooks_total", { hook: "connect", outcome: "failed" })) > 0);
        app = await start(appPort);
        await subscribed;
        await assert.rejects(call(client, "nonsense"), { code: "not_found", message: "there is no method nonsense" });
      } finally {
        client.close();
      }
    });
  });
}
