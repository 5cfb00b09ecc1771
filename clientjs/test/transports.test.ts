import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { WebSocket } from "ws";
import { TidingsError } from "../src/core/errors.js";
import { MAX_FRAME_BYTES, type ClientFrame, type WireError } from "../src/core/frames.js";
import { poll } from "../src/transports/poll.js";
import { sse } from "../src/transports/sse.js";
import { takeBatch, type LinkContext } from "../src/transports/transport.js";
import { websocket } from "../src/transports/websocket.js";
import { HTTPServer, hello, openLink, pings, refusal, type Held } from "./helpers/http.js";

let server: HTTPServer;
const open: { close(): void }[] = [];
beforeEach(async () => void (server = await new HTTPServer().start()));
afterEach(async () => {
  open.splice(0).forEach((link) => link.close());
  await server.stop();
});

const ready = { type: "connect", version: 1 };

for (const [name, transport] of [["sse", sse], ["poll", poll]] as const) {
  /** A link that is connected. `down` is the request that carries frames to the client. */
  const connect = async (context: Partial<LinkContext> = {}) => {
    const made = openLink(transport, server.url, context);
    open.push(made.link);
    assert.equal(await made.next(), "open");
    made.link.send([ready]);
    const down = await server.down.next();
    if (name === "sse") {
      down.stream();
      down.event([hello]);
    } else down.json({ frames: [hello], cursor: 0 });
    assert.deepEqual(await made.next(), hello);
    return { ...made, down: name === "sse" ? down : await server.down.next() };
  };

  describe(name, () => {
    test("opens with a POST that begins with connect, token in the header and nowhere in the URL", async () => {
      const { link, next } = openLink(transport, server.url, { token: () => "secret" });
      open.push(link);
      await next();
      link.send([ready]);
      const request = await server.down.next();
      assert.equal(request.path, `/bus/${name}`);
      assert.deepEqual(request.body, [ready]);
      assert.equal(request.headers.authorization, "Bearer secret");
      assert.equal(request.headers["content-type"], "application/json");
    });

    test("frames go up one body at a time, numbered, batched while they wait", async () => {
      const { link } = await connect();
      link.send(pings(1));
      const first = await server.send.next();
      assert.deepEqual([first.path, first.body], ["/bus/send", { session: "s1", seq: 1, frames: pings(1) }]);
      link.send(pings(2));
      link.send(pings(3, 4));
      first.json({ seq: 1 });
      const second = await server.send.next();
      assert.deepEqual(second.body, { session: "s1", seq: 2, frames: pings(2, 3, 4) });
      second.json({ seq: 2 });
    });

    test("what is sent before connected waits for it", async () => {
      const { link, next } = openLink(transport, server.url);
      open.push(link);
      await next();
      link.send([ready]);
      link.send(pings(1));
      const down = await server.down.next();
      assert.equal(server.send.length, 0);
      if (name === "sse") {
        down.stream();
        down.event(hello);
      } else down.json({ frames: [hello] });
      assert.deepEqual((await server.send.next()).body.frames, pings(1));
    });

    test("a body is repeated, the same, until it is answered", async () => {
      const { link } = await connect();
      link.send(pings(1));
      const bodies: string[] = [];
      for (const answer of [
        (r: Held) => r.response.destroy(),
        (r: Held) => r.response.writeHead(502, { "Content-Type": "text/html" }).end("<html>"),
        (r: Held) => r.json(refusal("overloaded", true), 503),
        (r: Held) => r.json({ seq: 1 }),
      ]) {
        const request = await server.send.next();
        bodies.push(request.text);
        answer(request);
      }
      assert.deepEqual(new Set(bodies).size, 1);
      link.send(pings(2));
      assert.equal((await server.send.next()).body.seq, 2);
    });

    test("six attempts without an answer: the link is lost", async () => {
      const { link, next } = await connect();
      link.send(pings(1));
      for (let i = 0; i < 6; i++) (await server.send.next()).response.destroy();
      assert.deepEqual(await next(), { lost: undefined });
    });

    for (const [code, retry, status] of [["session_gone", true, 410], ["sequence_gap", true, 409], ["token_expired", true, 401], ["bad_request", false, 400]] as const) {
      test(`a body that is answered ${code} loses the link with the server's word`, async () => {
        const { link, next } = await connect();
        link.send(pings(1));
        (await server.send.next()).json(refusal(code, retry), status);
        assert.deepEqual(await next(), { lost: refusal(code, retry).error });
      });
    }

    test("the next link of the session goes on with the number; an unanswered body is repeated with nothing in it", async () => {
      const { link, sends } = await connect();
      link.send(pings(1));
      (await server.send.next()).json({ seq: 1 });
      link.send(pings(2));
      const unanswered = await server.send.next();
      assert.equal(unanswered.body.seq, 2);
      link.close();
      await unanswered.gone;
      const { link: nextLink } = await connect({ sends });
      nextLink.send(pings(3));
      const repeated = await server.send.next();
      assert.deepEqual([repeated.body.seq, repeated.body.frames], [2, [{ type: "ping" }]]);
      repeated.json({ seq: 2 });
      const anew = await server.send.next();
      assert.deepEqual([anew.body.seq, anew.body.frames], [3, pings(3)]);
    });

    test("another session begins at 1", async () => {
      const sends = { session: "old", seq: 9, unanswered: true };
      const { link } = await connect({ sends });
      link.send(pings(1));
      const { body } = await server.send.next();
      assert.deepEqual([body.session, body.seq, body.frames], ["s1", 1, pings(1)]);
    });

    test("close ends every request", async () => {
      const { link, down, events } = await connect();
      link.send(pings(1));
      const up = await server.send.next();
      link.close();
      await Promise.all([down.gone, up.gone]);
      assert.equal(events.length, 0, "and says nothing");
    });

    test("a goodbye goes out although the link is closed at once", async () => {
      const { link } = await connect();
      link.send([{ type: "disconnect" }]);
      link.close();
      const bye = await server.send.next();
      assert.deepEqual([bye.path, bye.body.frames], ["/bus/send", [{ type: "disconnect" }]]);
      bye.json({ seq: 1 });
    });

    test("proves the path before anything else: open comes when the pong does", async () => {
      server.proves = false;
      const { link, events, next } = openLink(transport, server.url, { token: () => "secret" });
      open.push(link);
      const request = await server.down.next();
      assert.deepEqual([request.path, request.body, request.headers.authorization], [`/bus/${name}`, [{ type: "ping" }], "Bearer secret"]);
      if (name === "sse") request.stream();
      await new Promise((resume) => setTimeout(resume, 20));
      assert.equal(events.length, 0, "the head of an answer proves nothing");
      if (name === "sse") request.event({ type: "pong" });
      else request.json({ frames: [{ type: "pong" }], cursor: 0 });
      assert.equal(await next(), "open");
      if (name === "sse") await request.gone; // not left open
      link.send([ready]);
      assert.deepEqual((await server.down.next()).body, [ready]);
      assert.equal(events.length, 0, "the pong is no frame of the session");
    });

    test("closed before it is proven: the request ends, and nothing is said", async () => {
      server.proves = false;
      const { link, events } = openLink(transport, server.url);
      const request = await server.down.next();
      link.close();
      await request.gone;
      assert.deepEqual([events.length, server.down.length, server.send.length], [0, 0, 0]);
    });

    const answers: [string, (r: Held) => void, object][] = [
      ["an error of ours", (r) => r.json(refusal("unauthorized", false), 401), { lost: refusal("unauthorized", false).error }],
      ["a proxy's page", (r) => r.response.writeHead(403, { "Content-Type": "text/html" }).end("<html>"), { lost: undefined }],
      ["a proxy's page that says 200", (r) => r.response.writeHead(200, { "Content-Type": "text/html" }).end("<html>"), { lost: undefined }],
      ["JSON of somebody else", (r) => r.json({ error: "nope" }, 500), { lost: undefined }],
      ["an empty answer", (r) => r.json({}), { lost: undefined }],
      ["a cut", (r) => r.response.destroy(), { lost: undefined }],
    ];
    for (const [what, answer, want] of answers) {
      test(`proven with ${what}: lost`, async () => {
        server.proves = false;
        const { next } = openLink(transport, server.url);
        answer(await server.down.next());
        assert.deepEqual(await next(), want);
      });

      test(`opened with ${what}: lost`, async () => {
        const { link, next } = openLink(transport, server.url);
        await next();
        link.send([ready]);
        answer(await server.down.next());
        assert.deepEqual(await next(), want);
      });
    }
  });
}

describe("sse", () => {
  test("a stream that ends without an event proves nothing", async () => {
    server.proves = false;
    const { next } = openLink(sse, server.url);
    const request = await server.down.next();
    request.stream();
    request.response.end(": hi\n\ndata: {\"type\":\"pong\"}");
    assert.deepEqual(await next(), { lost: undefined });
  });

  const stream = async () => {
    const made = openLink(sse, server.url);
    open.push(made.link);
    await made.next();
    made.link.send([ready]);
    const down = await server.down.next();
    down.stream();
    return { ...made, down };
  };

  test("a stream that arrives byte by byte, with text of several bytes, comments and arrays", async () => {
    const { next, down } = await stream();
    const frames = [hello, { type: "event", event: "x", data: "Zürich 你好 😀" }, { type: "pong" }];
    const bytes = Buffer.from(`\uFEFF: hi\n\ndata: ${JSON.stringify(frames[0])}\n\nid: 1\ndata: ${JSON.stringify(frames.slice(1))}\n\n`);
    for (const byte of bytes) {
      down.response.write(Uint8Array.of(byte));
      await new Promise((resume) => setImmediate(resume));
    }
    for (const frame of frames) assert.deepEqual(await next(), frame);
  });

  for (const [what, end] of [
    ["ends", (r: Held) => r.response.end()],
    ["is cut", (r: Held) => r.response.destroy()],
    ["holds what is no frame", (r: Held) => r.event(7)],
    ["holds what is no JSON", (r: Held) => r.response.write("data: {\n\n")],
  ] as const) {
    test(`a stream that ${what} is lost`, async () => {
      const { next, down } = await stream();
      down.event(hello);
      assert.deepEqual(await next(), hello);
      end(down);
      assert.deepEqual(await next(), { lost: undefined });
      await down.gone;
    });
  }
});

describe("poll", () => {
  test("B115: asks again with what was received, its generation and its number, until it is closed", async () => {
    let received = 0;
    const { link, next } = openLink(poll, server.url, { received: () => received });
    open.push(link);
    await next();
    link.send([ready]);
    (await server.down.next()).json({ frames: [hello], cursor: 0 });
    await next();
    for (const n of [1, 2, 3]) {
      const request = await server.down.next();
      assert.deepEqual([request.path, request.body], ["/bus/poll", [{ type: "poll", session: "s1", received: n - 1, generation: 1, attempt: n }]]);
      received = n;
      const frame = { type: "event", event: "n", data: n };
      request.json({ frames: n === 2 ? [] : [frame], cursor: n });
      if (n !== 2) assert.deepEqual(await next(), frame);
    }
    const last = await server.down.next();
    link.close();
    await last.gone;
  });

  test("asks no more while another link is under way: what it reports would be forgotten", async () => {
    const says: (number | undefined)[] = [undefined, undefined, 9];
    const { link, next } = openLink(poll, server.url, { received: () => says.shift() });
    open.push(link);
    await next();
    link.send([ready]);
    (await server.down.next()).json({ frames: [hello], cursor: 0 });
    await next();
    const { body } = await server.down.next();
    assert.deepEqual([body, says.length], [[{ type: "poll", session: "s1", received: 9, generation: 1, attempt: 1 }], 0]);
  });

  test("a first answer without connected is lost", async () => {
    const { link, next } = openLink(poll, server.url);
    await next();
    link.send([ready]);
    (await server.down.next()).json({ frames: [], cursor: 0 });
    assert.deepEqual(await next(), { lost: undefined });
  });
});

describe("websocket", () => {
  const socket = async () => {
    const made = openLink(websocket, server.url, { WebSocket: WebSocket as never });
    open.push(made.link);
    const peer = await server.sockets.next();
    const heard: string[] = [];
    let wake = (): void => {};
    peer.on("message", (data) => (heard.push(String(data)), wake()));
    const hear = async (n: number): Promise<string[]> => {
      while (heard.length < n) await new Promise<void>((resume) => (wake = resume));
      return heard;
    };
    assert.equal(await made.next(), "open");
    return { ...made, peer, hear };
  };

  test("proves the path before anything else: open comes when the pong does", async () => {
    server.proves = false;
    const { link, events, next } = openLink(websocket, server.url, { WebSocket: WebSocket as never });
    open.push(link);
    const peer = await server.sockets.next();
    const text = await new Promise((resume) => peer.once("message", (data) => resume(String(data))));
    assert.deepEqual([text, events.length], ['[{"type":"ping"}]', 0], "a handshake proves nothing");
    peer.send('{"type":"pong"}');
    assert.equal(await next(), "open");
    await new Promise((resume) => setImmediate(resume));
    assert.equal(events.length, 0);
  });

  test("carries arrays of frames both ways, and single frames down", async () => {
    const { link, next, peer, hear } = await socket();
    link.send([ready, ...pings(1)]);
    assert.deepEqual((await hear(1)).map((t) => JSON.parse(t)), [[ready, { type: "ping", id: 1 }]]);
    peer.send(JSON.stringify(hello));
    peer.send(JSON.stringify([{ type: "pong", id: 1 }, { type: "pong", id: 2 }]));
    assert.deepEqual([await next(), await next(), await next()], [hello, { type: "pong", id: 1 }, { type: "pong", id: 2 }]);
  });

  test("what is above 64 KiB together goes out in several messages", async () => {
    const { link, hear } = await socket();
    const big = { type: "publish", data: "x".repeat(40_000) };
    link.send([big, big, ready]);
    const heard = await hear(2);
    assert.deepEqual(heard.map((t) => JSON.parse(t).length), [1, 2]);
    assert.ok(heard.every((t) => t.length <= 65_536));
  });

  const back = [1000, 1001, 1011, 1012, 1013, 1014, 4000, 4010, 4499];
  const final = [1002, 1003, 1007, 1009, 4500, 4508, 4999];
  for (const code of [...back, ...final]) {
    test(`close ${code} says ${back.includes(code) ? "come back" : "stay away"}`, async () => {
      const { next, peer } = await socket();
      peer.close(code, code === 4508 ? "unauthorized" : "");
      const error = { code: code === 4508 ? "unauthorized" : `close_${code}` };
      assert.deepEqual(await next(), { lost: back.includes(code) ? undefined : error });
    });
  }

  test("a cut says come back", async () => {
    const { next, peer } = await socket();
    peer.terminate();
    assert.deepEqual(await next(), { lost: undefined });
  });

  for (const text of ["{", "7", '[{"x":1}]']) {
    test(`what is no frame loses the link: ${text}`, async () => {
      const { next, peer } = await socket();
      peer.send(text);
      assert.deepEqual(await next(), { lost: undefined });
    });
  }

  test("a goodbye goes out although the link is closed at once", async () => {
    const { link, hear, peer } = await socket();
    const closed = new Promise((resume) => peer.on("close", resume));
    link.send([{ type: "disconnect" }]);
    link.close();
    assert.deepEqual(await hear(1), ['[{"type":"disconnect"}]']);
    await closed;
  });

  test("no server: lost, once", async () => {
    const { next, events } = openLink(websocket, "http://127.0.0.1:1/bus", { WebSocket: WebSocket as never });
    assert.deepEqual(await next(), { lost: undefined });
    await new Promise((resume) => setImmediate(resume));
    assert.equal(events.length, 0);
  });
});

test("batches: at most 64 frames and 64 KiB, in order, and a large one alone", () => {
  const sizes = (waiting: string[]): number[] => {
    const out: number[] = [];
    while (waiting.length) out.push(takeBatch(waiting).length);
    return out;
  };
  assert.deepEqual(sizes(Array(130).fill("{}")), [64, 64, 2]);
  assert.deepEqual(sizes(["x".repeat(MAX_FRAME_BYTES - 1), "y"]), [1, 1]);
  assert.deepEqual(sizes(["x".repeat(MAX_FRAME_BYTES - 3), "y"]), [2]);
  assert.deepEqual(sizes(["€".repeat(20_000), "€".repeat(20_000)]), [1, 1], "bytes, not characters");
});

describe("F90: a box on the way refuses a request", () => {
  /** Answers bodies with `word` in them as a firewall does, others as the server. Returns what was taken, by number. */
  async function walled(word: string, frames: ClientFrame[], context: Partial<LinkContext> = {}) {
    const refused: [number, WireError][] = [];
    const { link, events, next } = openLink(sse, server.url, { refused: (id, error) => refused.push([id, error]), ...context });
    open.push(link);
    await next();
    link.send([ready]);
    const down = await server.down.next();
    down.stream();
    down.event(hello);
    await next();
    link.send(frames);
    const taken: [number, number[]][] = [];
    const seen: string[] = [];
    /** Plays the box until nothing was sent for a while. */
    for (let quiet = 0; quiet < 20; ) {
      if (!server.send.length) {
        await new Promise((resume) => setImmediate(resume));
        quiet++;
        continue;
      }
      quiet = 0;
      const request = await server.send.next();
      seen.push(request.text);
      if (request.text.includes(word)) request.response.writeHead(403, { "Content-Type": "text/html" }).end("<h1>Request blocked</h1>");
      else {
        taken.push([request.body.seq, request.body.frames.map((f: ClientFrame) => f.id ?? 0)]);
        request.json({ seq: request.body.seq });
      }
      for (let i = 0; i < 20; i++) await new Promise((resume) => setTimeout(resume, 1));
    }
    return { refused, taken, seen, events, down };
  }
  const publish = (id: number, data: string): ClientFrame => ({ type: "publish", id, channel: "a", data });

  test("one that is refused alone fails, with what answered; those behind it go on, and hearing is untouched", async () => {
    const { refused, taken, seen, events, down } = await walled("DROP TABLE", [publish(1, "fine"), publish(2, "DROP TABLE x"), publish(3, "fine too")]);
    assert.deepEqual(refused.map(([id, { code, retry }]) => [id, code, retry]), [[2, "foreign_answer", false]]);
    const told = new TidingsError(refused[0]![1]);
    assert.match(told.message, /bus\/send \(403 text\/html\) answers, but not as Tidings/);
    assert.match(told.hint, /proxies and firewalls/);
    assert.deepEqual(taken.flatMap(([, ids]) => ids).filter(Boolean), [1, 3], "each once, in order");
    assert.deepEqual(taken.map(([seq]) => seq), taken.map((_, i) => i + 1), "no number twice, none left out");
    assert.ok(seen.filter((text) => text.includes("DROP")).length <= 6, "a few tries");
    down.event({ type: "event", event: "x", data: 1 });
    assert.deepEqual(await events.next(), { type: "event", event: "x", data: 1 }, "the link stands");
  });

  test("where even a ping is refused the link does not carry: lost", async () => {
    const { refused, events } = await walled("seq", [publish(1, "fine")]);
    assert.deepEqual([refused, await events.next()], [[], { lost: undefined }]);
  });

  test("a page of HTML with status 200 is no success", async () => {
    const { link, next } = openLink(sse, server.url);
    open.push(link);
    await next();
    link.send([ready]);
    const down = await server.down.next();
    down.stream();
    down.event(hello);
    await next();
    link.send([publish(1, "x")]);
    const first = await server.send.next();
    first.response.writeHead(200, { "Content-Type": "text/html" }).end("<h1>Sign in to the wireless network</h1>");
    const second = await server.send.next();
    assert.equal(second.text, first.text, "sent again");
    second.json({ seq: 1 });
  });
});

test("F70: requests carry cookies to another origin if the program says so", async () => {
  for (const credentials of [undefined, "include"] as const) {
    const seen: unknown[] = [];
    const fetch = (_: unknown, init: RequestInit): Promise<Response> => (seen.push(init.credentials), Promise.reject(new TypeError("no network")));
    const { next } = openLink(sse, "http://x.example/bus", { fetch: fetch as never, credentials });
    await next();
    assert.deepEqual(seen, [credentials]);
  }
});
