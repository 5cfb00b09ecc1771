// The page of filters in real Chromium against the real binary. `npm run test:demo`.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chrome, closeChrome, until } from "../../clientjs/e2e/clients.mjs";
import { serve } from "../../clientjs/e2e/tidings.mjs";
import { examples } from "./page/examples.js";

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
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && !/status of 400/.test(m.text()) && faults.push(m.text()));
  await page.goto(`${server.url}/demo/filters/`);
  const text = (id) => page.getByTestId(id).textContent();
  const is = (id, want) => until(`${id} is ${want}`, async () => want.test(await text(id)));
  return { page, faults, text, is };
}

test("each example has an answer: it matches or not, and which condition decided", async (t) => {
  const { page, faults, is, text } = await open(t);
  const verdicts = new Map();
  for (const [i, { name }] of examples.entries()) {
    await page.getByTestId("verdict").evaluate((e) => (e.textContent = "…"));
    await page.getByTestId("examples").selectOption(String(i));
    await is("verdict", /\w/);
    verdicts.set(name, await text("verdict"));
  }
  assert.deepEqual(Object.fromEntries(verdicts), {
    "A free taxi nearby": "Matches", "Too few seats": "Does not match", "One of several types": "Does not match", "Types are strict": "Does not match",
    "Null is a value": "Matches", "An element of an array": "Matches", "An expression": "Matches", "At least this": "Matches",
    "Must, and must not": "Does not match", "In a box": "Matches", "A contradiction": "Does not match", "A mistake": "No answer yet",
  });
  assert.deepEqual(faults, []);
});

test("it follows what is typed, and shows faults in place", async (t) => {
  const { page, faults, is, text } = await open(t);
  await page.getByTestId("filter").fill('{"and": [{"exists": "driver"}, {"range": {"seats": {"gte": 4}}}]}');
  await page.getByTestId("message").fill('{"driver": "Jo", "seats": 2}');
  await is("verdict", /^Does not match$/);
  await is("conditions", /seats is in {"gte":4}found the number 2/);
  assert.equal(await page.locator("#canonical mark").textContent(), '{"range": {"seats": {"gte": 4}}}');
  assert.match(await text("room"), /^[\w-]{22}$/);
  await page.getByTestId("message").fill('{"driver": "Jo", "seats": 5}');
  await is("verdict", /^Matches$/);
  await page.getByTestId("filter").fill('{"and": [{"rang": {}}]}');
  await is("filter-fault", /"and.rang": unknown keyword/);
  await page.getByTestId("filter").fill('{"exists": "driver"');
  await is("filter-fault", /^Not JSON/);
  await is("verdict", /^No answer yet$/);
  await page.getByTestId("filter").fill('{"exists": "driver"}');
  await is("verdict", /^Matches$/);
  assert.ok(await page.getByTestId("filter-fault").isHidden());
  assert.deepEqual(faults, []);
});

test("on a phone nothing is wider than the screen", async (t) => {
  const { page, is } = await open(t, { viewport: { width: 390, height: 844 } });
  await is("verdict", /^Matches$/);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
});
