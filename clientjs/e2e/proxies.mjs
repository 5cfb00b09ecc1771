// The proxies of the matrix: nginx, HAProxy and Apache as they are installed, and one of our own that does what others
// cannot be told to do. Each starts in front of a server's port, gives its URL, and stops.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./tidings.mjs";

const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

/** Runs a program with a configuration file of its own until `stop`, and waits until it takes connections. */
async function run(command, args, text) {
  const folder = mkdtempSync(join(tmpdir(), "tidings-proxy-"));
  const port = await freePort();
  const file = join(folder, "proxy.conf");
  writeFileSync(file, text(port, folder));
  const child = spawn(command, args(file, folder), { env: { ...process.env, PATH }, stdio: ["ignore", "pipe", "pipe"] });
  const log = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (b) => log.push(b));
  const exited = new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
  for (let i = 0; !(await answers(port)); i++) {
    if (i > 200 || child.exitCode !== null) throw new Error(`${command} did not start:\n${Buffer.concat(log)}`);
    await sleep(25);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 2_000);
      await exited;
      clearTimeout(late);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const answers = (port) =>
  new Promise((resolve) => {
    const s = connect(port, "127.0.0.1", () => (s.destroy(), resolve(true)));
    s.on("error", () => resolve(false));
  });

/** nginx with these lines in its location. */
export const nginx = (...lines) => (target) =>
  run("nginx", (file, folder) => ["-c", file, "-p", folder, "-e", join(folder, "error.log")], (port, folder) => `
daemon off;
pid ${folder}/pid;
worker_processes 1;
events {}
http {
  access_log off;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((n) => `${n}_temp_path ${folder}/${n};`).join("\n  ")}
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${target};
      ${lines.join("\n      ")}
    }
  }
}
`);

/** What nginx needs to pass WebSockets on. */
export const UPGRADE = ["proxy_http_version 1.1;", "proxy_set_header Upgrade $http_upgrade;", 'proxy_set_header Connection "upgrade";'];

/** HAProxy as its manual's first example has it. */
export const haproxy = () => (target) =>
  run("haproxy", (file) => ["-db", "-f", file], (port) => `
defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
listen proxy
  bind 127.0.0.1:${port}
  server tidings 127.0.0.1:${target}
`);

/** Apache with `more` after the URL of its `ProxyPass`. */
export const apache = (more = "") => (target) =>
  run("apache2", (file) => ["-D", "FOREGROUND", "-f", file], (port, folder) => `
${["mpm_event", "authz_core", "proxy", "proxy_http"].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
ServerRoot ${folder}
ServerName localhost
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
Mutex sem
User nobody
Group nogroup
Listen 127.0.0.1:${port}
ProxyPass / http://127.0.0.1:${target}/ ${more}
`);

/**
 * Our own. `does` may change while it runs:
 * - `eats`: answers a WebSocket's handshake with 101 and passes none of its frames
 * - `bans`: ends WebSockets that are open, and refuses new ones with a page of its own
 * - `buffers`: holds the body of an event stream back until its end
 * - `cuts`: ends each connection after so many ms
 * - `resets`: ends each connection after so many bytes of the server's
 * - `drops`: passes no frame of a WebSocket from the server that has more bytes
 * - `refuses`: answers requests with this word in their body as a firewall does
 * - `down`: refuses connections
 */
export const own = (does = {}) => async (target) => {
  const proxy = new Own(target, { ...does });
  await new Promise((resolve) => proxy.server.listen(0, "127.0.0.1", resolve));
  proxy.url = `http://127.0.0.1:${proxy.server.address().port}`;
  return proxy;
};

/**
 * Takes the bytes of a server's side of a WebSocket, and returns those of its frames that are not above `limit` bytes.
 */
function createSieve(limit) {
  let rest = Buffer.alloc(0);
  let opened = false;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    const out = [];
    const take = (n, passes) => {
      if (passes) out.push(rest.subarray(0, n));
      rest = rest.subarray(n);
    };
    const head = opened ? 0 : rest.indexOf("\r\n\r\n") + 4;
    if (!opened && head < 4) return Buffer.alloc(0);
    if (!opened) take(head, true);
    opened = true;
    while (rest.length >= 2) {
      const short = rest[1] & 127;
      const extra = short === 127 ? 8 : short === 126 ? 2 : 0;
      if (rest.length < 2 + extra) break;
      const length = extra === 8 ? Number(rest.readBigUInt64BE(2)) : extra ? rest.readUInt16BE(2) : short;
      const whole = 2 + extra + length;
      if (rest.length < whole) break;
      take(whole, length <= limit());
    }
    return Buffer.concat(out);
  };
}

class Own {
  constructor(target, does) {
    Object.assign(this, { target, does, sockets: new Set(), clients: new Set() });
    this.server = createServer((q, r) => this.forward(q, r)).on("upgrade", (q, socket, head) => this.upgrade(q, socket, head));
    this.server.on("connection", (client) => {
      this.clients.add(client);
      if (this.does.down) return client.destroy();
      const end = this.does.cuts && setTimeout(() => client.destroy(), this.does.cuts);
      client.on("error", () => {}).on("close", () => (clearTimeout(end), this.clients.delete(client)));
    });
  }

  /** Counts what goes to a client, and ends the connection when it has had enough. */
  count(client, bytes) {
    const { resets = Infinity } = this.does;
    client.had = (client.had ?? 0) + bytes.length;
    if (client.had <= resets) return bytes;
    const rest = bytes.subarray(0, Math.max(0, bytes.length - (client.had - resets)));
    setImmediate(() => client.destroy());
    return rest;
  }

  async forward(q, r) {
    const { method, url, headers } = q;
    const body = [];
    for await (const bytes of q) body.push(bytes);
    if (this.does.refuses && Buffer.concat(body).includes(this.does.refuses)) {
      return r.writeHead(403, { "Content-Type": "text/html" }).end("<h1>Request blocked</h1>");
    }
    const up = request({ host: "127.0.0.1", port: this.target, method, path: url, headers }, (answer) => {
      const held = this.does.buffers && answer.headers["content-type"]?.startsWith("text/event-stream") ? [] : undefined;
      r.writeHead(answer.statusCode, answer.headers);
      if (held) r.flushHeaders();
      answer.on("data", (bytes) => (held ? held.push(bytes) : r.write(this.count(r.socket, bytes))));
      answer.on("end", () => r.end(Buffer.concat(held ?? [])));
      answer.on("error", () => r.destroy());
    });
    up.on("error", () => r.destroy());
    r.on("close", () => up.destroy());
    up.end(Buffer.concat(body));
  }

  upgrade({ url, headers, rawHeaders }, client, head) {
    if (this.does.bans) return client.end("HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>");
    const up = connect(this.target, "127.0.0.1", () => {
      const lines = [];
      for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
      up.write(`GET ${url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
      up.write(head);
    });
    const pair = [client, up];
    this.sockets.add(pair);
    const end = () => (this.sockets.delete(pair), pair.forEach((s) => s.destroy()));
    for (const s of pair) s.on("error", end).on("close", end);
    let answered = false;
    client.on("data", (bytes) => this.does.eats || pair.mute || up.write(bytes));
    const sieve = createSieve(() => this.does.drops ?? Infinity);
    up.on("data", (bytes) => {
      if (pair.mute || (answered && this.does.eats)) return;
      answered = true;
      const passes = sieve(bytes);
      if (passes.length) client.write(this.count(client, passes));
    });
  }

  /** Changes what it does. */
  change(does) {
    Object.assign(this.does, does);
    if (does.down) for (const client of this.clients) client.destroy();
    if (does.bans || does.down) for (const pair of this.sockets) pair.forEach((s) => s.destroy());
  }

  /** Nothing passes any more over the WebSockets that are open, and none is closed. */
  mute() {
    for (const pair of this.sockets) pair.mute = true;
  }

  stop() {
    for (const s of this.clients) s.destroy();
    for (const pair of this.sockets) pair.forEach((s) => s.destroy());
    return new Promise((resolve) => this.server.close(resolve));
  }
}
