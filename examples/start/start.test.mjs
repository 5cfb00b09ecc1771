// The start page in real Chromium against the real binary. `npm run test:demo`.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { chrome, closeChrome } from "../../clientjs/e2e/clients.mjs";
import { serve } from "../../clientjs/e2e/tidings.mjs";

let server;
before(async () => (server = await serve()));
after(async () => {
  await closeChrome();
  await server?.stop();
});

/** The page, with everything that its scripts and its policy had to complain about. */
async function open(t, options = {}) {
  const context = await (await chrome()).newContext(options);
  t.after(() => context.close());
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && faults.push(m.text()));
  await page.goto(server.url);
  await page.locator("#messages[data-live]").waitFor({ state: "attached" });
  return { page, faults };
}

test("what is published on the page appears in it, and in a second tab", async (t) => {
  const [one, two] = [await open(t), await open(t)];
  await one.page.getByTestId("text").fill("from one");
  await one.page.getByTestId("publish").click();
  for (const { page, faults } of [one, two]) {
    await page.getByTestId("messages").getByText("from one", { exact: true }).waitFor();
    assert.match(await page.getByTestId("status").textContent(), /^Connected by /);
    assert.deepEqual(faults, []);
  }
});

test("the lines for a terminal do what they say, for the channel that is typed", async (t) => {
  const { page } = await open(t);
  await page.getByTestId("channel").fill("desk/it's");
  await page.getByTestId("text").fill("x");
  await page.getByTestId("channel").blur();
  await page.getByTestId("fault").getByText(/desk\/it's/).waitFor(); // not a name: said where it is typed
  await page.getByTestId("channel").fill("desk/7");
  await page.getByTestId("text").fill("it's here");
  await page.getByTestId("channel").blur();
  await page.locator('#messages[data-live="desk/7"]').waitFor({ state: "attached" });
  assert.equal(await page.getByTestId("fault").isVisible(), false);
  const out = execFileSync("sh", ["-c", await page.getByTestId("line-publish").textContent()], { encoding: "utf8" });
  assert.equal(JSON.parse(out).offset, 1);
  await page.getByTestId("messages").getByText("it's here", { exact: true }).waitFor();
  assert.match(await page.getByTestId("line-listen").textContent(), /^curl -N '.*\/bus\/sse\?channel=desk\/7'$/);
});

test("every link leads somewhere", async (t) => {
  const { page } = await open(t);
  const links = await page.locator("nav a").evaluateAll((all) => all.map((a) => a.href));
  assert.ok(links.length >= 6);
  for (const link of links) assert.equal((await fetch(link)).status, 200, link);
});

for (const width of [1280, 768, 390]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`at ${width} px, ${colorScheme}: nothing is cut, the box is in the first screen, and what is touched is large enough`, async (t) => {
      const { page, faults } = await open(t, { viewport: { width, height: 800 }, colorScheme });
      await server.publish("hello", { wide: "x".repeat(300) });
      await page.getByTestId("messages").locator("li").first().waitFor();
      const seen = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth - innerWidth,
        small: [...document.querySelectorAll("button, input, nav a")].filter((e) => e.getBoundingClientRect().height < 44).map((e) => e.outerHTML),
        cut: [...document.querySelectorAll("main *")].filter((e) => e.clientWidth && e.scrollWidth > e.clientWidth + 1 && e.tagName !== "INPUT").map((e) => e.outerHTML),
        button: document.querySelector("[data-testid=publish]").getBoundingClientRect().bottom,
        font: Math.min(...[...document.querySelectorAll("input")].map((e) => parseFloat(getComputedStyle(e).fontSize))),
      }));
      assert.ok(seen.wide <= 0, `${seen.wide} px too wide`);
      assert.deepEqual([seen.small, seen.cut], [[], []]);
      assert.ok(seen.button < 800 && seen.font >= 16, JSON.stringify(seen));
      assert.deepEqual(faults, []);
      if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/start-${width}-${colorScheme}.png`, fullPage: true });
    });
  }
}
