// A TCP proxy between a client and the server, that can be cut and healed.
import { connect, createServer } from "node:net";

export async function cutter(port) {
  const c = new Cutter(port);
  await new Promise((resolve) => c.server.listen(0, "127.0.0.1", resolve));
  c.port = c.server.address().port;
  c.url = `http://127.0.0.1:${c.port}`;
  return c;
}

class Cutter {
  constructor(target) {
    this.target = target;
    this.pairs = new Set();
    this.down = false;
    this.server = createServer((s) => this.accept(s));
  }

  accept(client) {
    if (this.down) return client.destroy();
    const upstream = connect(this.target, "127.0.0.1");
    const pair = [client, upstream];
    this.pairs.add(pair);
    const end = () => {
      this.pairs.delete(pair);
      for (const s of pair) s.destroy();
    };
    for (const s of pair) s.on("error", end).on("close", end);
    client.pipe(upstream);
    upstream.pipe(client);
  }

  /** Resets every connection and refuses new ones until `heal`. */
  cut() {
    this.down = true;
    this.reset();
  }

  /** Resets every connection once: the next ones pass. */
  reset() {
    for (const pair of this.pairs) for (const s of pair) s.resetAndDestroy();
  }

  heal() {
    this.down = false;
  }

  close() {
    this.cut();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
