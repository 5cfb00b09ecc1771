// A TCP proxy between a client and the server, that can be cut and healed, and that can be one of those that let not
// everything pass.
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
    /** Requests whose head matches do not arrive, and what comes after them on their connection. */
    this.swallows = undefined;
    /**
     * Requests that match arrive, but their answers do not; of a WebSocket, none of its messages but the first, which
     * proves the path.
     */
    this.mutes = undefined;
    /** How long what the client says takes to arrive, in ms, from a request whose head matches `slows` on. */
    this.slows = undefined;
    this.delay = 200;
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
    client.on("data", (bytes) => {
      const head = bytes.toString("latin1");
      if (this.swallows?.test(head)) pair.swallowed = true;
      if (this.mutes?.test(head)) {
        pair.muted = true;
        pair.passes = head.startsWith("GET /bus/ws") ? 2 : 0;
      }
      if (this.slows?.test(head)) pair.slowed = true;
      if (pair.slowed) setTimeout(() => upstream.write(bytes), this.delay);
      else if (!pair.swallowed) upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (!pair.muted || pair.passes-- > 0) client.write(bytes);
    });
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
