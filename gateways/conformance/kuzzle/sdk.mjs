// The unmodified kuzzle-sdk, and what its tests share.
import { createRequire } from "node:module";
import { createHmac } from "node:crypto";

const { Kuzzle, WebSocket: Protocol } = createRequire(import.meta.url)("kuzzle-sdk");

/** A connected client of the server. */
export async function connect(server, options = {}) {
  const kuzzle = new Kuzzle(new Protocol("127.0.0.1", { port: server.port, reconnectionDelay: 100, ...options }));
  open.add(kuzzle);
  await kuzzle.connect();
  return kuzzle;
}

const open = new Set();

/** Ends what tests left open. */
export function disconnectAll() {
  for (const kuzzle of open) kuzzle.disconnect();
  open.clear();
}

/** What came, and a promise of the next ones. */
export class Heard {
  constructor() {
    this.all = [];
    this.waiting = [];
    this.hear = (message) => {
      this.all.push(message);
      this.waiting = this.waiting.filter((w) => this.all.length < w.n || w.resolve());
    };
  }

  /** Resolves once n came, with all of them. It fails after a minute: what should come is lost then. */
  async until(n) {
    if (this.all.length < n) {
      await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${this.all.length} of ${n} came: ${JSON.stringify(this.all)}`)), 60_000);
        this.waiting.push({ n, resolve: () => (clearTimeout(timer), resolve()) });
      });
    }
    return this.all;
  }
}

/** The next event of that name. */
export function next(emitter, event) {
  return new Promise((resolve) => emitter.once(event, resolve));
}

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token as the application's backend signs it. */
export function token(secret, claims) {
  const body = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
}
