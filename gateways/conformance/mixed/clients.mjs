// Clients of every kind on one channel, each as its users have it: kuzzle-sdk and primus from npm, a page of Pakyow, a
// plain client of SSE and the native one. Each keeps what it heard, connection by connection.
import { createHash, createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { WebSocket } from "ws";
import { createMessageBus } from "../../../clientjs/dist/tidings.js";

const from = (folder) => createRequire(new URL(`../${folder}/package.json`, import.meta.url));
const { Kuzzle, WebSocket: KuzzleSocket } = from("kuzzle")("kuzzle-sdk");
const primus = from("primus");
const Socket = primus("primus").createSocket({ transformer: "websockets", parser: "JSON", plugin: { emitter: primus("primus-emitter") } });

/** Index and collection as Kuzzle has them. */
export const place = ["mixed", "news"];
export const channel = `documents/${place.join("/")}`;
export const secret = "a secret of the pages of these tests";

/** What a client heard: a list of numbers for each of its connections. */
class Heard {
  connections = [[]];
  #waiting = [];

  /** A new connection begins. */
  begin() {
    if (this.connections.at(-1).length) this.connections.push([]);
  }

  hear(n) {
    this.connections.at(-1).push(n);
    this.#waiting = this.#waiting.filter((w) => n < w.n || w.resolve());
  }

  /** Resolves once a number has come, or a later one. */
  reached(n) {
    if (this.connections.some((list) => list.at(-1) >= n)) return undefined;
    return new Promise((resolve) => this.#waiting.push({ n, resolve }));
  }
}

const every = {
  async kuzzle(net) {
    const heard = new Heard();
    const client = new Kuzzle(new KuzzleSocket("127.0.0.1", { port: net.port, reconnectionDelay: 50 }), { autoResubscribe: true });
    for (const event of ["disconnected", "networkError", "reconnected"]) client.on(event, () => heard.begin());
    await client.connect();
    await client.realtime.subscribe(...place, {}, (notification) => heard.hear(notification.result._source.n));
    return { heard, close: () => client.disconnect() };
  },

  async primus(net) {
    const heard = new Heard();
    const client = new Socket(net.url, { manual: true, reconnect: { min: 20, max: 200, retries: 1e6 } });
    client.on("error", () => {});
    client.on("open", () => heard.begin());
    client.on(channel, ({ n }) => heard.hear(n));
    client.open();
    await new Promise((resolve) => client.send("anybody there", resolve)); // it is in its channels by then
    return { heard, close: () => client.end() };
  },

  async pakyow(net, server, number) {
    const heard = new Heard();
    const page = `page-${String(number).padStart(16, "0")}`;
    const signed = `${page}~${createHash("sha256").update("a session").digest("base64url")}`;
    const id = `${signed}~${createHmac("sha256", secret).update(signed).digest("base64url")}`;
    await server.api("subscribe", { connection: page, channels: [channel] });
    let socket, timer;
    let over = false;
    const open = (ready) => {
      socket = new WebSocket(`ws://127.0.0.1:${net.port}/?socket_connection_id=${encodeURIComponent(id)}`);
      socket.on("open", () => (heard.begin(), socket.send(JSON.stringify({ id: "1", action: "ping" }))));
      socket.on("message", (text) => {
        const { payload, status } = JSON.parse(text);
        if (status === 200) ready?.();
        else heard.hear(payload.n);
      });
      socket.on("error", () => {});
      socket.on("close", () => over || (timer = setTimeout(open, 50)));
    };
    await new Promise(open);
    return { heard, close: () => ((over = true), clearTimeout(timer), socket.terminate()) };
  },

  async sse(net) {
    const heard = new Heard();
    let stop;
    let over = false;
    const gaps = [];
    const ready = new Promise((resolve) => {
      (async () => {
        for (let last; !over; await new Promise((next) => setTimeout(next, 50))) {
          try {
            stop = new AbortController();
            const { body } = await fetch(`${net.url}/bus/sse?channel=${channel}`, { signal: stop.signal, headers: last ? { "last-event-id": last } : {} });
            let text = "";
            for await (const part of body.pipeThrough(new TextDecoderStream())) {
              const blocks = (text + part).split("\n\n");
              text = blocks.pop();
              for (const block of blocks) {
                const { type, data } = JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? "{}");
                if (type === "subscribed") resolve();
                if (type === "gap") gaps.push(block);
                if (type === "message") heard.hear(data.n);
                last = /^id: (.*)$/m.exec(block)?.[1] ?? last;
              }
            }
          } catch {} // it is cut, and comes back
        }
      })();
    });
    await ready;
    return { heard, gaps, whole: true, close: () => ((over = true), stop.abort()) };
  },

  async native(net) {
    const heard = new Heard();
    const gaps = [];
    const bus = createMessageBus({ url: `${net.url}/bus`, WebSocket });
    await new Promise((resolve) => bus.subscribe(channel, ({ n }) => heard.hear(n), { onGap: (gap) => gaps.push(gap), onSubscribed: resolve }));
    return { heard, gaps, whole: true, close: () => bus.close() };
  },
};

export const kinds = Object.keys(every);

/**
 * Connects a client of a kind over a net that can be cut; number tells it from the others. `whole` marks those that
 * hear what they missed over a cut, or are told of a gap.
 */
export const open = async (kind, net, server, number) => ({ kind, name: `${kind} ${number}`, net, ...(await every[kind](net, server, number)) });
