// The documentation in real Chromium, as the binary serves it and as it writes it. `npm run test:demo`.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chrome, closeChrome } from "../../clientjs/e2e/clients.mjs";
import { run, serve } from "../../clientjs/e2e/tidings.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let server, folder;
before(async () => {
  server = await serve();
  folder = mkdtempSync(join(tmpdir(), "tidings-docs-"));
  run(["docs", "--out", folder]);
});
after(async () => {
  await closeChrome();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A page, with everything that its scripts and its policy had to complain about. */
async function open(t, url, options = {}) {
  const context = await (await chrome()).newContext(options);
  t.after(() => context.close());
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && faults.push(m.text()));
  await page.goto(url);
  return { page, faults };
}

for (const [how, url] of [["served", () => `${server.url}/docs/`], ["from a folder", () => pathToFileURL(join(folder, "index.html")).href]]) {
  test(`${how}: the search finds a setting, and leads to where it stands`, async (t) => {
    const { page, faults } = await open(t, url());
    await page.keyboard.press("/");
    await page.keyboard.type("collect_window");
    await page.locator("#found a").first().waitFor();
    await page.keyboard.press("ArrowDown");
    await Promise.all([page.waitForURL(/html/), page.keyboard.press("Enter")]);
    await page.getByText("collect_window").first().waitFor();
    await page.locator("#query").fill("zzzznothing");
    await page.getByText("Nothing found.").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("#found").waitFor({ state: "hidden" });
    assert.deepEqual(faults, []);
  });
}

test("on a phone the pages are behind a button, and the keyboard reaches them", async (t) => {
  const { page, faults } = await open(t, `${server.url}/docs/react.html`, { viewport: { width: 390, height: 800 } });
  const link = page.locator("#nav").getByRole("link", { name: "Hooks", exact: true });
  assert.equal(await link.isVisible(), false);
  await page.locator("#menu").focus();
  await page.keyboard.press("Enter");
  await link.waitFor();
  await Promise.all([page.waitForURL(/hooks/), link.press("Enter")]);
  assert.deepEqual(faults, []);
});

for (const [width, colorScheme] of [[1280, "light"], [390, "dark"]]) {
  test(`at ${width} px, ${colorScheme}: axe finds nothing serious, and nothing is wider than the screen`, async (t) => {
    const { page, faults } = await open(t, `${server.url}/docs/`, { viewport: { width, height: 800 }, colorScheme });
    for (const name of ["index", "react", "api"]) {
      await page.goto(`${server.url}/docs/${name}.html`);
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `${name} is wider than the screen`);
      await page.evaluate(`${axe}; undefined`);
      const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      const serious = found.violations.filter((v) => ["serious", "critical"].includes(v.impact));
      assert.deepEqual(serious.map((v) => `${name}: ${v.id}: ${v.nodes[0].html}`), []);
    }
    assert.deepEqual(faults, []);
  });
}
