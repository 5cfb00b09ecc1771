// The way that docs/live-lists.md shows, step by step: its commands, against the real binary, and its page, in real Chromium.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { chrome, closeChrome, until } from "../../clientjs/e2e/clients.mjs";
import { serve } from "../../clientjs/e2e/tidings.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const types = { html: "text/html", js: "text/javascript" };

test("the way from an empty server to a live list in a page", async (t) => {
  const server = await serve();
  const own = (text) => text.replaceAll("127.0.0.1:8080", `127.0.0.1:${server.port}`);
  const site = createServer(({ url }, response) => {
    const name = /^\/(list\.js)?$/.exec(url)?.[1] ?? (url === "/" ? "index.html" : "");
    if (!name) return response.writeHead(204).end(); // the browser's favicon.ico
    response.writeHead(200, { "Content-Type": types[name.split(".")[1]] }).end(own(readFileSync(here(name), "utf8")));
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  t.after(async () => {
    await closeChrome();
    site.closeAllConnections();
    site.close();
    await server.stop();
  });

  const page = await (await chrome()).newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && faults.push(m.text()));
  const shows = (note, ...lines) =>
    until(`${note}: ${lines}`, () => page.evaluate(([n, l]) => document.querySelector("#note").textContent === n && [...document.querySelectorAll("li")].map((e) => e.textContent).join() === l, [note, lines.join()]));

  const commands = [...readFileSync(here("../../docs/live-lists.md"), "utf8").matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, text]) => text).filter((text) => text.startsWith("curl"));
  assert.equal(commands.length, 2);
  const run = (text) => JSON.parse(execFileSync("bash", ["-euc", own(text)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  assert.deepEqual(run(commands[0]).results.map((r) => r.event), ["created", "created", "created"]);
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  await shows("2 are free", "Hail Ann", "Hail Cem");
  assert.equal(run(commands[1]).event, "patched");
  await shows("3 are free", "Hail Ann", "Hail Bo", "Hail Cem");
  await page.getByRole("button", { name: "Hail Ann" }).click();
  await shows("2 are free", "Hail Bo", "Hail Cem");
  assert.deepEqual(faults, []);
});
