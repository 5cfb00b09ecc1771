import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { systemClock } from "../../src/util/clock.js";
import type { ClientFrame, ServerFrame, WireError } from "../../src/core/frames.js";
import { PROVE, type Link, type LinkContext, type Transport } from "../../src/transports/transport.js";

/** A request that the server holds until the test answers it. */
export interface Held {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: any;
  readonly text: string;
  readonly response: ServerResponse;
  /** Answers with JSON. */
  json(value: unknown, status?: number): void;
  /** Begins an event stream. */
  stream(): void;
  /** Writes an event. */
  event(value: unknown): void;
  /** The client went away. */
  readonly gone: Promise<void>;
}

/** A list that can be waited on. */
class Inbox<T> {
  private readonly items: T[] = [];
  private readonly waiting: ((item: T) => void)[] = [];
  push(item: T): void {
    const next = this.waiting.shift();
    if (next) next(item);
    else this.items.push(item);
  }
  next(): Promise<T> {
    const item = this.items.shift();
    if (item !== undefined) return Promise.resolve(item);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("nothing came for 20 s")), 20_000);
      this.waiting.push((next) => {
        clearTimeout(timer);
        resolve(next);
      });
    });
  }
  get length(): number {
    return this.items.length;
  }
}

/**
 * A real HTTP server on a free port; each request waits for the test: `send` those of `POST /bus/send`, `down` the
 * others. It answers what proves a path by itself, unless `proves` is false.
 */
export class HTTPServer {
  readonly down = new Inbox<Held>();
  readonly send = new Inbox<Held>();
  readonly sockets = new Inbox<WebSocket>();
  url = "";
  proves = true;
  private readonly server: Server = createServer((request, response) => void this.hold(request, response));

  async start(): Promise<this> {
    const sockets = new WebSocketServer({ server: this.server, path: "/bus/ws" });
    sockets.on("connection", (socket) => {
      if (!this.proves) return this.sockets.push(socket);
      socket.once("message", (text) => {
        if (String(text) === PROVE) socket.send('{"type":"pong"}');
        this.sockets.push(socket);
      });
    });
    await new Promise<void>((resume) => this.server.listen(0, "127.0.0.1", resume));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/bus`;
    return this;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resume) => this.server.close(() => resume()));
  }

  private async hold(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new Promise<void>((resume) => response.on("close", resume));
    let text = "";
    for await (const chunk of request) text += chunk;
    const path = request.url ?? "";
    if (this.proves && text === PROVE) {
      const pong = '{"type":"pong"}';
      if (path === "/bus/sse") response.writeHead(200, { "Content-Type": "text/event-stream" }).write(`: hi\n\ndata: ${pong}\n\n`);
      else response.end(`{"frames":[${pong}],"cursor":0}`);
      return;
    }
    (path === "/bus/send" ? this.send : this.down).push({
      path,
      headers: request.headers,
      body: JSON.parse(text),
      text,
      response,
      gone,
      json: (value, status = 200) => void response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value)),
      stream: () => void response.writeHead(200, { "Content-Type": "text/event-stream" }).flushHeaders(),
      event: (value) => void response.write(`data: ${JSON.stringify(value)}\n\n`),
    });
  }
}

type Event = "open" | ServerFrame | { lost: WireError | undefined };

/** One link of a transport, and what it tells. */
export function openLink(transport: Transport, url: string, context: Partial<LinkContext> = {}) {
  const events = new Inbox<Event>();
  const whole: LinkContext = {
    url,
    clock: { ...systemClock, set: (callback) => systemClock.set(callback, 0) }, // no waiting between attempts
    fetch: (input, init) => fetch(input, init),
    WebSocket: undefined,
    random: () => 0,
    token: () => undefined,
    received: () => 7,
    refused: () => {},
    sends: { session: "", seq: 0, unanswered: false },
    ...context,
  };
  const link: Link = transport(whole, {
    open: () => events.push("open"),
    frames: (frames) => frames.forEach((f) => events.push(f)),
    lost: (error) => events.push({ lost: error }),
  });
  return { link, events, sends: whole.sends, next: () => events.next() };
}

/** Frames to send: pings with a number. */
export const pings = (...ids: number[]): ClientFrame[] => ids.map((id) => ({ type: "ping", id }));
/** The server's first word. */
export const hello = { type: "connected", session: "s1", resumed: false, generation: 1 } as const;
/** An error as the HTTP API gives it. */
export const refusal = (code: string, retry: boolean) => ({ error: { code, message: "no", hint: "", retry } });
