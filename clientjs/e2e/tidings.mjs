// The real binary for tests: builds it once, starts it on a free port, reads its counters, publishes to it.
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const binary = process.env.TIDINGS_BINARY ?? join(root, "bin/tidings");

export function build() {
  if (process.env.TIDINGS_BINARY && existsSync(binary)) return;
  execFileSync("go", ["build", "-tags", "nomsgpack", "-o", binary, "./cmd/tidings"], { cwd: root, stdio: "inherit" });
}

export function freePort() {
  // Below those that the kernel gives to outgoing connections, one of which might take it in the meantime.
  const port = 10_000 + Math.floor(Math.random() * 20_000);
  return new Promise((resolve, reject) => {
    const s = createServer().once("error", (e) => (e.code === "EADDRINUSE" ? resolve(freePort()) : reject(e)));
    s.listen(port, "127.0.0.1", () => s.close(() => resolve(port)));
  });
}

/** Starts `tidings serve --dev` with further settings from the environment and flags. Ends with `stop`. */
export async function serve(env = {}, port, flags = []) {
  build();
  port ??= await freePort();
  const child = spawn(binary, ["serve", "--dev", "--addr", `127.0.0.1:${port}`, ...flags], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const log = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (b) => log.push(b));
  const server = new Server(port, child, log);
  await server.healthy();
  return server;
}

/** Runs a command of the binary to its end. Fails with what it printed if it fails. */
export function run(args, env = {}) {
  build();
  return execFileSync(binary, args, { env: { ...process.env, ...env }, encoding: "utf8" });
}

class Server {
  constructor(port, child, log) {
    Object.assign(this, { port, child, log, url: `http://127.0.0.1:${port}` });
    this.exited = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
  }

  async healthy() {
    for (let i = 0; i < 200; i++) {
      if (this.child.exitCode !== null) break;
      try {
        if ((await fetch(`${this.url}/healthz`)).ok) return;
      } catch {}
      await sleep(50);
    }
    throw new Error(`the server did not become healthy:\n${Buffer.concat(this.log)}`);
  }

  async publish(channel, data, more = {}) {
    const r = await fetch(`${this.url}/api/publish`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ channel, data, ...more }),
    });
    const answer = await r.json();
    if (!r.ok) throw new Error(JSON.stringify(answer));
    return answer;
  }

  /** The value of one counter, summed over the series that have all the given labels. */
  async metric(name, labels = {}) {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    let sum = 0;
    for (const line of text.split("\n")) {
      const m = /^([a-z_]+)(?:\{(.*)\})? ([0-9.e+-]+)$/.exec(line);
      if (!m || m[1] !== name) continue;
      if (Object.entries(labels).every(([k, v]) => (m[2] ?? "").includes(`${k}="${v}"`))) sum += Number(m[3]);
    }
    return sum;
  }

  async stop(signal = "SIGTERM") {
    if (this.child.exitCode === null) this.child.kill(signal);
    return this.exited;
  }
}

/** Publishes `{n: 1}`, `{n: 2}`, … at a rate until stopped, and keeps what was acknowledged: the publisher's log. */
export class Publisher {
  constructor(server, channel, perSecond) {
    Object.assign(this, { server, channel, log: [], n: 0, failures: 0 });
    this.pending = new Set();
    this.timer = setInterval(() => this.one(), 1000 / perSecond);
  }

  one() {
    const n = ++this.n;
    const p = this.server
      .publish(this.channel, this.data(n), { idempotencyKey: `n${n}` })
      .then((a) => this.log.push({ n, epoch: a.epoch, offset: a.offset, id: a.id }))
      .catch(() => this.failures++)
      .finally(() => this.pending.delete(p));
    this.pending.add(p);
  }

  /** What message `n` holds. */
  data(n) {
    return { n };
  }

  async stop() {
    clearInterval(this.timer);
    await Promise.all(this.pending);
    this.log.sort((a, b) => a.offset - b.offset);
    return this.log;
  }
}
