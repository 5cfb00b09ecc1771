// Opens the page in Chromium and uses it as a visitor would; `go test ./examples/quickstart` calls it with the page's URL.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
try {
  const page = await browser.newPage();
  const complaints = [];
  page.on("console", (m) => m.type() !== "log" && complaints.push(m.text()));
  page.on("pageerror", (e) => complaints.push(String(e)));
  await page.goto(process.argv[2]);
  await page.getByText("connected websocket").waitFor({ timeout: 20_000 });

  await page.getByLabel("Say something").fill("<b>from the page</b>");
  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByText("<b>from the page</b>", { exact: true }).waitFor({ timeout: 10_000 });

  console.log("ready"); // now a backend publishes
  await lines.next();
  await page.getByText("from a backend", { exact: true }).waitFor({ timeout: 10_000 });
  assert.deepEqual(await page.locator("#messages li").allTextContents(), ["<b>from the page</b>", "from a backend"]);

  // What the policy allows, and nothing else.
  assert.deepEqual(complaints, []);
  await page.evaluate(() => fetch("http://127.0.0.1:1/").catch(() => {}));
  assert.match(complaints.join(), /Content Security Policy/);
} finally {
  await browser.close();
}
