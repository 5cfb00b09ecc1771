// What a delivery costs the server, in its own processor time, by the kind of client: the native one, those of Kuzzle,
// Primus and Socket.IO, and the own servers of the last two from npm with the same load. One channel, 1,000 sockets, 20 messages a second of
// 150 bytes to each, kinds in turn, rounds in turn. Sockets of Kuzzle ping every 2 s, as its SDK does in browsers, and
// count as lost if nothing at all came until the next ping, by which the SDK gives a connection up. It needs Linux.
//
//	node gateways/conformance/load/load.mjs [--sockets 1000] [--rate 20] [--seconds 10] [--rounds 3] [kind …]
//
// docs/PERFORMANCE.md has what it found.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { serve } from "../../../clientjs/e2e/tidings.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { sockets: { type: "string", default: "1000" }, rate: { type: "string", default: "20" }, seconds: { type: "string", default: "10" }, rounds: { type: "string", default: "3" } },
});
const [sockets, rate, seconds, rounds] = [values.sockets, values.rate, values.seconds, values.rounds].map(Number);
const channel = "documents/load/news";
const payload = { text: "x".repeat(137) }; // 150 bytes
const room = { controller: "realtime", action: "subscribe", index: "load", collection: "news", body: {}, requestId: "s" };

/** A server of this project, whose messages come by POST /api/publish. */
async function tidings() {
  const server = await serve({ TIDINGS_JOINS_ANONYMOUS: channel });
  return { pid: server.child.pid, port: server.port, publish: () => server.publish(channel, payload), stop: () => server.stop() };
}

/** The own server of another system, from npm. */
const original = (folder) => async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL(`../${folder}/original.mjs`, import.meta.url))], { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = await once(createInterface(child.stdout), "line");
  const line = `${JSON.stringify({ send: [channel, payload] })}\n`;
  return { pid: child.pid, port, publish: () => child.stdin.write(line), stop: () => (child.kill(), once(child, "exit")) };
};

// How each connects: where, what it says first, by which text it is ready, and what it answers.
const kinds = {
  native: { serve: tidings, path: "/bus/ws", first: ['{"type":"connect"}'], ready: '"connected"', hears: '"xxx' },
  kuzzle: { serve: tidings, path: "/", first: [JSON.stringify(room)], ready: '"roomId"', hears: '"xxx', ping: '{"p":1}', pong: '{"p":2}' },
  "kuzzle without pings": { serve: tidings, path: "/", first: [JSON.stringify(room)], ready: '"roomId"', hears: '"xxx' },
  primus: { serve: tidings, path: "/primus/", first: ['"primus::id::"'], ready: "primus::id::", hears: '"xxx' },
  "primus from npm": { serve: original("primus"), path: "/primus/", first: ['"primus::id::"'], ready: "primus::id::", hears: '"xxx' },
  socketio: { serve: tidings, path: "/socket.io/?EIO=4&transport=websocket", first: ["40"], ready: '40{"sid"', hears: '"xxx' },
  "socket.io from npm": { serve: original("socketio"), path: "/socket.io/?EIO=4&transport=websocket", first: ["40"], ready: '40{"sid"', hears: '"xxx' },
};

const ticks = 100; // of a second, as Linux counts them for processes
const cpu = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticks;
};

class Client {
  heard = 0;
  lost = 0;
  slowest = 0;

  async open(kind, port) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${kind.path}`, { perMessageDeflate: false, skipUTF8Validation: true });
    this.socket.on("close", () => (this.lost += this.over ? 0 : 1));
    const ready = new Promise((resolve, reject) => {
      this.socket.on("error", reject);
      this.socket.on("open", () => kind.first.forEach((text) => this.socket.send(text)));
      this.socket.on("message", (bytes) => {
        this.fresh = true;
        if (bytes.length > 150 && bytes.includes(kind.hears)) return void this.heard++;
        const text = bytes.toString();
        if (text === kind.pong) this.slowest = Math.max(this.slowest, performance.now() - this.pinged);
        else if (text.startsWith('"primus::ping::')) this.socket.send(text.replace("ping", "pong"));
        else if (text === "2") this.socket.send("3"); // a ping of Engine.IO
        else if (text.includes('"type":"ping"')) this.socket.send('{"type":"pong"}');
        else if (text.includes(kind.ready)) resolve();
      });
    });
    await ready;
    if (!kind.ping) return;
    this.fresh = true;
    await sleep(Math.random() * 2000);
    this.timer = setInterval(() => {
      if (!this.fresh) this.lost++;
      this.fresh = false;
      this.pinged = performance.now();
      this.socket.send(kind.ping);
    }, 2000);
  }

  close() {
    this.over = true;
    clearInterval(this.timer);
    this.socket.terminate();
  }
}

async function measure(kind) {
  const server = await kind.serve();
  const clients = Array.from({ length: sockets }, () => new Client());
  for (let i = 0; i < sockets; i += 50) await Promise.all(clients.slice(i, i + 50).map((c) => c.open(kind, server.port)));
  await sleep(2000); // what many connects left is cleared away
  const heard = () => clients.reduce((sum, c) => sum + c.heard, 0);
  const [before, start] = [cpu(server.pid), performance.now()];
  let sent = 0;
  const flying = new Set();
  for (; sent < rate * seconds; sent++) {
    await sleep(Math.max(0, start + (sent * 1000) / rate - performance.now()));
    while (flying.size >= 8) await Promise.race(flying);
    const publish = Promise.resolve(server.publish()).then(() => flying.delete(publish));
    flying.add(publish);
  }
  await Promise.all(flying);
  const deadline = performance.now() + 60_000;
  while (heard() < sent * sockets && performance.now() < deadline) await sleep(20);
  const took = (performance.now() - start) / 1000;
  const used = cpu(server.pid) - before;
  const got = heard();
  for (const c of clients) c.close();
  await server.stop();
  return {
    micros: (used * 1e6) / got, perSecond: Math.round(got / took), missing: sent * sockets - got,
    lost: clients.reduce((sum, c) => sum + c.lost, 0), pong: Math.round(Math.max(...clients.map((c) => c.slowest))),
  };
}

const chosen = positionals.length ? positionals : Object.keys(kinds);
const rows = Object.fromEntries(chosen.map((name) => [name, []]));
for (let round = 0; round < rounds; round++) for (const name of chosen) rows[name].push(await measure(kinds[name]));
const median = (list) => list.slice().sort((a, b) => a - b)[Math.floor(list.length / 2)];
const base = rows.native && median(rows.native.map((r) => r.micros));
console.log("| client | µs a delivery | beside native | deliveries/s | missing | lost | slowest pong, ms |\n|---|---|---|---|---|---|---|");
for (const [name, list] of Object.entries(rows)) {
  const micros = median(list.map((r) => r.micros));
  const most = (key) => Math.max(...list.map((r) => r[key]));
  console.log(`| ${name} | ${micros.toFixed(1)} | ${base ? (micros / base).toFixed(2) : "-"} | ${median(list.map((r) => r.perSecond))} | ${most("missing")} | ${most("lost")} | ${kinds[name].ping ? most("pong") : "-"} |`);
}
