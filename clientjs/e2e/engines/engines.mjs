// Three browsers of three makers behind one interface: a browser opens tabs, and a tab runs functions in its page.
// Chromium by playwright-core, Firefox by puppeteer-core's WebDriver BiDi, WebKitGTK by its own WebDriver.
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";
import { freePort } from "../tidings.mjs";

export const engines = [
  { name: "Chromium", launch: launchChromium },
  { name: "Firefox", launch: launchFirefox },
  { name: "WebKitGTK", launch: launchWebKit },
];

/** Makes the text of a function into that of a call that resolves to its value. */
const call = (what, args) => `(${what})(...${JSON.stringify(args)})`;

async function launchChromium() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
  });
  const context = await browser.newContext();
  return {
    async open(url) {
      const page = await context.newPage();
      await page.goto(url);
      return { run: (what, ...args) => page.evaluate(call(what, args)), close: () => page.close() };
    },
    close: () => browser.close(),
  };
}

async function launchFirefox() {
  const browser = await puppeteer.launch({ browser: "firefox", executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr", headless: true });
  return {
    async open(url) {
      const page = await browser.newPage();
      await page.goto(url);
      return { run: (what, ...args) => page.evaluate(call(what, args)), close: () => page.close() };
    },
    close: () => browser.close(),
  };
}

/** A session of WebKitWebDriver: JSON over HTTP, one command at a time, in the tab that was switched to. */
class WebDriver {
  constructor(url) {
    this.url = url;
    this.turn = Promise.resolve();
  }

  async command(method, path, body) {
    const answer = await fetch(this.url + path, { method, ...(body && { body: JSON.stringify(body) }) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  }

  /** Does something in a tab, after what others do in theirs. */
  in(handle, what) {
    const done = this.turn.then(async () => {
      await this.command("POST", "/window", { handle });
      return what();
    });
    this.turn = done.catch(() => {});
    return done;
  }
}

async function launchWebKit() {
  const port = await freePort();
  const child = spawn("xvfb-run", ["-a", "WebKitWebDriver", `--port=${port}`], { stdio: "ignore", detached: true });
  const end = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  };
  const driver = new WebDriver(`http://127.0.0.1:${port}`);
  try {
    for (let i = 0; !(await driver.command("GET", "/status").catch(() => false)); i++) {
      if (i > 200) throw new Error("WebKitWebDriver does not answer; is webkit2gtk-driver installed?");
      await sleep(50);
    }
    const { sessionId } = await driver.command("POST", "/session", { capabilities: {} });
    driver.url += `/session/${sessionId}`;
    await driver.command("POST", "/timeouts", { script: 30_000 });
  } catch (error) {
    end();
    throw error;
  }
  const [first] = await driver.command("GET", "/window/handles");
  return {
    async open(url) {
      let handle;
      await driver.in(first, async () => ({ handle } = await driver.command("POST", "/window/new", { type: "tab" })));
      await driver.in(handle, () => driver.command("POST", "/url", { url }));
      const script = (what, args) => `const done = arguments[0];
        Promise.resolve().then(() => ${call(what, args)}).then((value) => done({ value: value ?? null }), (error) => done({ thrown: String(error) }));`;
      return {
        run: (what, ...args) =>
          driver.in(handle, async () => {
            const { value, thrown } = await driver.command("POST", "/execute/async", { script: script(what, args), args: [] });
            if (thrown) throw new Error(thrown);
            return value;
          }),
        close: () => driver.in(handle, () => driver.command("DELETE", "/window")),
      };
    },
    async close() {
      await driver.command("DELETE", "").catch(() => {});
      end();
    },
  };
}
