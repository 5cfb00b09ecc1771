// The admin page in real Chromium against the real binary. `npm run test:demo`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { chrome, closeChrome, nodeClient } from "../../clientjs/e2e/clients.mjs";
import { serve } from "../../clientjs/e2e/tidings.mjs";

const key = "ops-0123456789abcdef0123456789abcdef";
const views = ["overview", "channels", "channels/orders%2F1", "connections", "tap", "refusals", "actions", "rules", "settings"];
let server;
let client; // hears orders/1

before(async () => {
  server = await serve({ TIDINGS_API_KEY: key });
  client = await nodeClient(server.url, "orders/1", ["websocket"]);
});
after(async () => {
  await client?.close();
  await closeChrome();
  await server?.stop();
});

/** The page as somebody sees it who is not on the server's machine, so that --dev opens nothing, with all that its scripts and its policy had to complain about. */
async function open(t, options = {}) {
  const context = await (await chrome()).newContext({ extraHTTPHeaders: { "X-Forwarded-For": "192.0.2.7" }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && !m.text().includes("status of 401") && faults.push(m.text()));
  await page.goto(`${server.url}/admin/`);
  await page.getByTestId("key").waitFor();
  return { page, faults };
}

/** Asks again and again, for a minute at most, until it is so. */
async function until(so) {
  for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) if (await so()) return;
  assert.fail(`not within a minute: ${so}`);
}

async function signedIn(t, options) {
  const { page, faults } = await open(t, options);
  await page.getByTestId("key").fill(key);
  await page.getByTestId("key").press("Enter");
  await page.getByTestId("tiles").waitFor();
  return { page, faults };
}

test("an operator signs in, publishes, asks why in three clicks, and disconnects a client", async (t) => {
  const { page, faults } = await open(t);
  await page.getByTestId("key").fill("not-a-key-0123456789");
  await page.getByTestId("key").press("Enter");
  await page.getByRole("alert").getByText("no valid API key").waitFor();
  await page.getByTestId("key").fill(key);
  await page.getByTestId("key").press("Enter");
  await page.getByTestId("transports").getByText("WebSocket").waitFor();
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.value.includes(key)], [true, "Strict", false]);
  await page.reload(); // the cookie is enough
  await page.getByTestId("tiles").waitFor();

  await page.getByRole("link", { name: "Channels", exact: true }).click();
  await page.getByTestId("channels").getByRole("link", { name: "orders/1" }).click(); // the first click from the list
  await page.getByTestId("publish").getByLabel("Data").fill('{"hello": "operator"}');
  await page.getByTestId("publish").getByRole("button", { name: "Publish" }).click();
  await page.getByTestId("publish").getByText("Published as message 1, to 1 subscription.").waitFor();
  const row = page.getByTestId("messages").getByText('{"hello":"operator"}');
  await row.waitFor();
  await page.getByTestId("messages").getByRole("button", { name: "Why?" }).first().click(); // the second
  await page.getByTestId("subscribers").getByRole("button", { name: "Why?" }).first().click(); // the third
  await page.getByTestId("why").getByText("It has it, or will have it.").waitFor();
  await page.keyboard.press("Escape");
  await page.getByTestId("why").waitFor({ state: "detached" });

  const other = await nodeClient(server.url, "orders/2", ["websocket"]);
  t.after(() => other.close());
  await page.getByRole("link", { name: "Connections", exact: true }).click();
  await page.getByTestId("filter-channel").fill("orders/2");
  await page.getByTestId("connections").locator("tbody tr").nth(0).waitFor();
  await until(async () => (await page.getByTestId("connections").locator("tbody tr").count()) === 1); // else they are all connections, still
  await page.getByTestId("connections").getByRole("button", { name: "Open" }).click();
  await page.getByTestId("disconnect").getByRole("button", { name: "Disconnect" }).click();
  await page.getByTestId("disconnect").getByText("It is disconnected.").waitFor();
  await until(async () => (await other.status()).state === "closed");
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByTestId("key").waitFor();
  assert.deepEqual(await page.context().cookies(), []);
  assert.deepEqual(faults, []);
});

test("the tap shows what is published, and the other views what was refused, decided and set", async (t) => {
  const { page, faults } = await signedIn(t);
  await page.getByRole("link", { name: "Tap", exact: true }).click();
  await page.getByTestId("pattern").fill("tapped/*");
  await page.getByTestId("tap").click();
  const shown = page.getByTestId("taps").getByText('"seen"').first();
  await until(async () => {
    await server.publish("elsewhere", "not seen");
    await server.publish("tapped/1", "seen"); // again, until the stream is open
    return shown.isVisible();
  });
  assert.equal(await page.getByTestId("taps").getByText("elsewhere").count(), 0);

  await fetch(`${server.url}/api/publish`, { method: "POST", headers: { "content-type": "application/json" }, body: '{"channel":"a b","data":1}' });
  await page.getByRole("link", { name: "Refusals", exact: true }).click();
  await page.getByTestId("refusals").getByText("bad_channel").first().waitFor();

  await page.getByRole("link", { name: "Rules", exact: true }).click();
  await page.getByTestId("rules").getByLabel("Channel").fill("orders/1");
  await page.getByTestId("rules").getByRole("button", { name: "Try" }).click();
  await page.getByTestId("decision").getByText("An anonymous client").waitFor();

  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await page.getByTestId("settings").getByText("environment: TIDINGS_API_KEY").waitFor();
  assert.ok(!(await page.locator("body").textContent()).includes(key));
  assert.deepEqual(faults, []);
});

test("the keyboard is enough", async (t) => {
  await server.publish("orders/1", "for the keyboard");
  const { page, faults } = await open(t);
  await page.keyboard.type(key); // the field has the focus
  await page.keyboard.press("Enter");
  await page.getByTestId("tiles").waitFor();
  /** Tab until what has the focus is called `name`. */
  const reach = async (name) => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((name) => (document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "").startsWith(name), name)) return;
    }
    assert.fail(`no Tab leads to ${name}`);
  };
  await reach("Channels");
  await page.keyboard.press("Enter");
  await page.getByTestId("channels").getByRole("link", { name: "orders/1" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Channels"); // the view's head
  await reach("orders/1");
  await page.keyboard.press("Enter");
  await page.getByTestId("messages").waitFor();
  await page.getByTestId("subscribers").waitFor();
  await reach("Why? Message");
  await page.keyboard.press("Enter");
  await reach("Why? Connection");
  await page.keyboard.press("Enter");
  await page.getByTestId("why").waitFor();
  await page.keyboard.press("Escape");
  await page.getByTestId("why").waitFor({ state: "detached" });
  assert.deepEqual(faults, []);
});

const axe = readFileSync(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

for (const [width, colorScheme] of [[1280, "light"], [1280, "dark"], [768, "light"], [390, "dark"]]) {
  test(`at ${width} px, ${colorScheme}: nothing is cut, and axe-core finds nothing serious`, async (t) => {
    await server.publish("orders/1", { wide: "x".repeat(300) });
    const { page, faults } = await signedIn(t, { viewport: { width, height: 900 }, colorScheme });
    await page.evaluate(axe);
    for (const view of views) {
      await page.evaluate((view) => (location.hash = view), view);
      await page.locator(`nav a[href="#${view.split("/")[0]}"][aria-current]`).waitFor();
      await until(async () => (await page.getByText("Loading …").count()) === 0);
      const seen = await page.evaluate(async () => ({
        wide: document.documentElement.scrollWidth - innerWidth,
        small: [...document.querySelectorAll("button, nav a")].filter((e) => e.getBoundingClientRect().height < 44).map((e) => e.outerHTML),
        found: (await axe.run(document, { resultTypes: ["violations"] })).violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => `${v.id}: ${v.nodes[0].html}`),
      }));
      assert.deepEqual(seen, { wide: Math.min(seen.wide, 0), small: [], found: [] }, view);
      if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/admin-${view.replaceAll(/\W/g, "-")}-${width}-${colorScheme}.png`, fullPage: true });
    }
    assert.deepEqual(faults, []);
  });
}
