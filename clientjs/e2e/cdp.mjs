// A Chromium as its user has it: all tabs in one window, of which one is seen, a back/forward cache, a process for each
// tab. Playwright shows every page as if it were seen, and such a page cannot be frozen; so this speaks the DevTools
// protocol itself.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";

/** Starts a Chromium. */
export async function browse() {
  const profile = mkdtempSync(join(tmpdir(), "tidings-chromium-"));
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
  const child = spawn(process.env.CHROMIUM ?? "/usr/bin/chromium", [...args, "--renderer-process-limit=64", "--remote-debugging-port=0", `--user-data-dir=${profile}`], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  const url = await new Promise((resolve, reject) => {
    let said = "";
    child.stderr.on("data", (bytes) => {
      said += bytes;
      const found = /DevTools listening on (ws:\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    child.once("exit", () => reject(new Error(`Chromium did not start:\n${said}`)));
  });
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return new Browser(child, profile, socket);
}

class Browser {
  constructor(child, profile, socket) {
    Object.assign(this, { child, profile, socket, lastID: 0, waiting: new Map(), crashed: new Set() });
    socket.on("message", (text) => {
      const { id, error, result, method, sessionId } = JSON.parse(text);
      if (method === "Inspector.targetCrashed") this.crashed.add(sessionId);
      const answer = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) answer?.reject(new Error(error.message));
      else answer?.resolve(result);
    });
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.lastID;
    this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  /** Opens a tab, in front of the others. */
  async open(url) {
    const { targetId } = await this.send("Target.createTarget", { url });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, targetId, sessionId);
    await page.send("Inspector.enable");
    await page.loaded(url);
    return page;
  }

  /** The CPU time of each of its renderers, in ticks. They are all in the process group that it was started in. */
  renderers() {
    const found = new Map();
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const [, , group, ...fields] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1].split(" ");
        if (Number(group) !== this.child.pid || !readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("--type=renderer")) continue;
        found.set(Number(pid), Number(fields[8]));
      } catch {
        // It ended meanwhile.
      }
    }
    return found;
  }

  /** Ends it, with processes of it that a test stopped. */
  async close() {
    const over = new Promise((resolve) => this.child.once("exit", resolve));
    this.send("Browser.close").catch(() => {});
    await Promise.race([over, sleep(3_000, undefined, { ref: false })]);
    try {
      process.kill(-this.child.pid, "SIGKILL");
    } catch {
      // None is left.
    }
    this.socket.terminate();
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

class Page {
  constructor(browser, targetId, sessionId) {
    Object.assign(this, { browser, targetId, sessionId });
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  /** Runs a function in the page, with arguments of JSON. */
  async run(what, ...args) {
    const expression = `(${what})(...${JSON.stringify(args)})`;
    const { result, exceptionDetails: thrown } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (thrown) throw new Error(thrown.exception?.description ?? thrown.text);
    return result.value;
  }

  /** Brings the tab in front of the others: then it is the one that is seen. */
  show() {
    return this.browser.send("Target.activateTarget", { targetId: this.targetId });
  }

  /** Waits until the page is that of a URL. */
  async loaded(url) {
    for (let i = 0; i < 400; i++) {
      const at = await this.run(() => document.readyState === "complete" && location.href).catch(() => "");
      if (at === url) return;
      await sleep(25);
    }
    throw new Error(`${url} was not loaded`);
  }

  async go(url) {
    await this.send("Page.navigate", { url });
    await this.loaded(url);
  }

  async back() {
    const { currentIndex, entries } = await this.send("Page.getNavigationHistory");
    const { id, url } = entries[currentIndex - 1];
    await this.send("Page.navigateToHistoryEntry", { entryId: id });
    await this.loaded(url);
  }

  /** Ends the process of the page as a bug in the browser would. */
  async crash() {
    this.send("Page.crash").catch(() => {});
    await this.ended();
  }

  /** Waits until the process has ended. */
  async ended() {
    for (let i = 0; i < 400 && !this.browser.crashed.has(this.sessionId); i++) await sleep(10);
    if (!this.browser.crashed.has(this.sessionId)) throw new Error("the process goes on");
  }

  close() {
    return this.browser.send("Target.closeTarget", { targetId: this.targetId });
  }

  /**
   * The process that the page runs in, and no other page: that of the browser's renderers which is busy while the page
   * is.
   */
  async process() {
    const before = this.browser.renderers();
    let found;
    for (let i = 0; i < 40; i++) {
      await this.run(() => {
        for (const end = performance.now() + 250; performance.now() < end; );
      });
      found = [...this.browser.renderers()].map(([id, ticks]) => [ticks - (before.get(id) ?? ticks), id]).sort((a, b) => b[0] - a[0]);
      if (found[0][0] >= 15 && found[0][0] >= 3 * (found[1]?.[0] ?? 0)) return found[0][1];
    }
    throw new Error(`no process was busy alone: ${JSON.stringify(found.slice(0, 3))}`);
  }
}
