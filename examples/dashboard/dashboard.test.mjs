// The demo in real Chromium against the real binary. `npm run test:demo`.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import { serve } from "../../clientjs/e2e/tidings.mjs";

let server, browser;

before(async () => {
  server = await serve();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The page on a channel of its own, with everything that went wrong in it. */
async function open(t, { channel = `demo/${t.name.replaceAll(/\W+/g, "-")}`, ...options } = {}) {
  const context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"], ...options });
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && faults.push(m.text()));
  await page.goto(`${server.url}/demo/?channel=${channel}`);
  const by = (id) => page.getByTestId(id);
  const is = async (id, text) => {
    await by(id).filter({ hasText: new RegExp(`^${text}$`) }).waitFor({ timeout: 20_000 }).catch(async () => assert.equal(await by(id).textContent(), text, id));
  };
  const offsets = async () => (await by("message").evaluateAll((items) => items.map((li) => Number(li.dataset.offset)))).reverse();
  t.after(() => context.close());
  await is("state", "connected");
  return { page, channel, faults, by, is, offsets };
}

const upTo = (n, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => from + i);

test("hears what is published by a backend and from the page", async (t) => {
  const { by, is, offsets, channel, faults } = await open(t);
  await is("transport", "WebSocket");
  await server.publish(channel, { n: 1 });
  await by("payload").fill("plain text");
  await by("publish").click();
  await is("count", "2");
  assert.match(await by("published").textContent(), /^Message 2, acknowledged after [\d.]+ ms\.$/);
  assert.deepEqual(await offsets(), [1, 2]);
  assert.match(await by("message").first().textContent(), /plain text/);
  assert.match(await by("message").last().textContent(), /{"n":1}/);
  await by("burst").click();
  await is("count", "22");
  assert.deepEqual(await offsets(), upTo(22));
  assert.deepEqual(faults, []);
});

test("goes over every transport and loses nothing", async (t) => {
  const { by, is, offsets, channel, faults } = await open(t);
  let n = 0;
  for (const [name, text] of [["sse", "SSE"], ["poll", "Long-poll"], ["websocket", "WebSocket"], ["poll", "Long-poll"], ["auto", "WebSocket"]]) {
    await by(`use-${name}`).check();
    for (let i = 0; i < 5; i++) await server.publish(channel, ++n);
    await is("transport", text);
    for (let i = 0; i < 5; i++) await server.publish(channel, ++n);
    await is("count", String(n));
  }
  assert.deepEqual(await offsets(), upTo(n));
  await is("gaps", "0");
  // A poll that is superseded by the new transport is answered 409, which the browser writes down before the client can say that it knows.
  assert.deepEqual(faults.filter((text) => !text.includes("409")), []);
});

for (const name of ["websocket", "sse", "poll"]) {
  test(`catches up after a cut and after a while offline over ${name}`, async (t) => {
    const { by, is, offsets, channel } = await open(t);
    await by(`use-${name}`).check();
    await server.publish(channel, 1);
    await is("count", "1");
    await by("cut").click();
    for (let n = 2; n <= 10; n++) await server.publish(channel, n);
    await is("count", "10");
    await is("state", "connected");
    await by("offline").click();
    await is("state", "waiting");
    for (let n = 11; n <= 20; n++) await server.publish(channel, n);
    await sleep(300);
    await is("count", "10");
    await by("offline").click();
    await is("count", "20");
    assert.deepEqual(await offsets(), upTo(20));
    await is("gaps", "0");
    await by("journal").getByText(/caught up on 10 messages/).waitFor();
  });
}

test("tells a gap where the server lost its history", async (t) => {
  const { by, is, channel } = await open(t);
  await server.publish(channel, 1);
  await is("count", "1");
  await by("offline").click();
  const { port } = server;
  await server.stop("SIGKILL");
  server = await serve({}, port);
  await server.publish(channel, "after the restart");
  await by("offline").click();
  await is("gaps", "1");
  assert.equal(await by("gap").getAttribute("data-reason"), "epoch_changed");
});

test("shows a line for the terminal and copies it", async (t) => {
  const { page, by, channel } = await open(t);
  await by("copy-publish").click();
  await is(by("copy-publish"), "Copied");
  const line = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(line, await by("curl-publish").textContent());
  assert.ok(line.includes(server.url) && line.includes(`"channel":"${channel}"`), line);

  async function is(locator, text) {
    await locator.filter({ hasText: text }).waitFor();
  }
});

test("says what is wrong with a channel's name", async (t) => {
  const { page, by } = await open(t);
  await by("channel").fill("two//slashes");
  await page.keyboard.press("Enter");
  await by("journal").getByText(/was refused/).waitFor();
});

test("can be used without a mouse and fits small screens", async (t) => {
  const { page, by, is } = await open(t, { viewport: { width: 390, height: 844 } });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await by("use-auto").focus();
  for (const [key, text] of [["ArrowDown", "WebSocket"], ["ArrowDown", "SSE"], ["ArrowDown", "Long-poll"]]) {
    await page.keyboard.press(key);
    await is("transport", text);
  }
  await by("payload").focus();
  await page.keyboard.press("Control+Enter");
  await is("count", "1");
});
