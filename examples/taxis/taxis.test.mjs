// The page of taxis in real Chromium against the real binary. `npm run test:demo`.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chrome, closeChrome, until } from "../../clientjs/e2e/clients.mjs";
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
  await page.goto(`${server.url}/demo/taxis/`);
  await page.locator("#list li").first().waitFor();
  const ids = () => page.locator("#list li").evaluateAll((rows) => rows.map((row) => row.dataset.id).sort());
  const query = async () => JSON.parse(await page.getByTestId("query").textContent());
  /** What a search of the page's own filter finds now. */
  const found = async () => {
    const answer = await fetch(`${server.url}/api/documents/city/taxis/_search`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ filter: (await query()).filter, limit: 256 }) });
    return (await answer.json()).documents.map((d) => d._id).sort();
  };
  /** Taxis drive: between two searches the list has those that both find, and none that neither finds. */
  const agrees = (what) =>
    until(`${what}: the list is what a search finds`, async () => {
      const before = await found();
      const listed = await ids();
      const after = await found();
      return before.every((id) => !after.includes(id) || listed.includes(id)) && listed.every((id) => before.includes(id) || after.includes(id));
    });
  const text = (id) => page.getByTestId(id).textContent();
  return { page, faults, ids, query, agrees, text };
}

test("the list is those in the box, also after it was dragged, drawn anew and moved by keys", async (t) => {
  const { page, faults, query, agrees, text } = await open(t, { viewport: { width: 1280, height: 900 } });
  await agrees("at first");
  await until("all taxis are on the map", async () => (await page.locator(".taxi").count()) === 48);
  const area = await page.locator(".box .area").boundingBox();
  const middle = [area.x + area.width / 2, area.y + area.height / 2];
  const dragged = async (what, from, to) => {
    const before = (await query()).filter.geoBoundingBox.at;
    await page.mouse.move(...from);
    await page.mouse.down();
    await page.mouse.move((from[0] + to[0]) / 2, (from[1] + to[1]) / 2, { steps: 10 });
    await page.mouse.move(...to, { steps: 10 });
    await page.mouse.up();
    const at = (await query()).filter.geoBoundingBox.at;
    await agrees(what);
    return { before, at };
  };
  const moved = await dragged("moved", middle, [middle[0] + 100, middle[1] - 60]);
  assert.ok(moved.at.left > moved.before.left && moved.at.top > moved.before.top);
  assert.ok(Math.abs(moved.at.right - moved.at.left - (moved.before.right - moved.before.left)) < 1e-4, "as wide as before");
  const corner = await page.locator(".corner.se .dot").boundingBox();
  const resized = await dragged("resized", [corner.x + corner.width / 2, corner.y + corner.height / 2], [corner.x - 150, corner.y - 100]);
  assert.ok(resized.at.right < resized.before.right && resized.at.left === resized.before.left && resized.at.bottom > resized.before.bottom);
  const map = await page.locator("#map").boundingBox();
  const drawn = await dragged("drawn anew", [map.x + 10, map.y + map.height - 12], [map.x + 320, map.y + map.height - 250]);
  assert.ok(drawn.at.left < drawn.before.left && drawn.at.bottom < drawn.before.bottom);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+ArrowUp");
  const keyed = (await query()).filter.geoBoundingBox.at;
  assert.ok(keyed.left > drawn.at.left && keyed.bottom > drawn.at.bottom);
  await agrees("by keys");
  assert.ok(Number(await text("searches")) >= 4);
  await until("the rates are counted", async () => Number(await text("city-rate")) > 10 && Number(await text("list-rate")) < Number(await text("city-rate")));
  assert.deepEqual(faults, []);
});

test("only free ones, and who is hailed leaves the list", async (t) => {
  const { page, faults, agrees } = await open(t, { viewport: { width: 1280, height: 900 } });
  await page.getByTestId("free").check();
  await until("only free ones", async () => (await page.locator("#list li:not(.free)").count()) === 0 && (await page.locator("#list li").count()) > 0);
  await agrees("free ones");
  const hail = () => {
    const button = document.querySelector("#list li .hail:enabled");
    button?.click(); // in this turn: the row may drive away
    return button?.closest("li").dataset.id;
  };
  const id = await until("one is free to be hailed", () => page.evaluate(hail));
  await until("it is gone", async () => (await page.locator(`#list li[data-id="${id}"]`).count()) === 0);
  const taxi = await (await fetch(`${server.url}/api/documents/city/taxis/${id}`)).json();
  assert.ok(taxi.driver && taxi.at, "a part was written, and the rest is there");
  await page.getByTestId("sort").selectOption("-seats,driver");
  await until("by seats", async () => {
    const seats = await page.locator("#list .seats").evaluateAll((all) => all.map((e) => parseInt(e.textContent)));
    return seats.length > 0 && seats.every((n, i) => !i || n <= seats[i - 1]);
  });
  assert.deepEqual(faults, []);
});

test("on a phone nothing is wider than the screen, and the box is dragged by a finger", async (t) => {
  const { page, query, agrees } = await open(t, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  const { x, y, width, height } = await page.locator(".box .area").boundingBox();
  const before = (await query()).filter.geoBoundingBox.at;
  const touch = await page.context().newCDPSession(page);
  const at = (dx) => [{ x: x + width / 2 + dx, y: y + height / 2 }];
  await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: at(0) });
  for (const dx of [-5, -15, -30]) await touch.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: at(dx) });
  await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await until("it was dragged", async () => (await query()).filter.geoBoundingBox.at.left < before.left);
  await agrees("by a finger");
});
