import { systemClock } from "./clock.js";
import { Connector, type Status } from "./connector.js";
import { pick } from "./core/cursor.js";
import type { ClientFrame, Position, ReplyFrame, WireError } from "./core/frames.js";
import { validChannel } from "./core/frames.js";
import { Session, type Request, type SessionPort } from "./core/session.js";
import { TidingsError } from "./errors.js";
import { createHub, report } from "./hub.js";
import { watchPage } from "./page.js";
import { poll } from "./transports/poll.js";
import { sse } from "./transports/sse.js";
import { MAX_FRAME_BYTES, byteLength, type Transport, type TransportName } from "./transports/transport.js";
import { websocket } from "./transports/websocket.js";
import type { History, Message, MessageBus, MessageBusOptions } from "./types.js";

const TRANSPORTS: Record<TransportName, Transport> = { websocket, sse, poll };
const CLOSED: WireError = { code: "closed", message: "The bus is closed.", hint: "Make a new one." };
const TIMEOUT: WireError = {
  code: "timeout",
  message: "No answer in time; the outcome is unknown.",
  hint: "Repeat it with the same idempotencyKey.",
  retry: true,
};

/** A random start for idempotency keys. `crypto.randomUUID` is missing on pages without TLS. */
const randomPrefix = (): string => crypto.getRandomValues(new Uint32Array(4)).join("-");

/**
 * Makes a bus. Nothing is opened before its first use, so this may run on a server too.
 * Throws a `TypeError` where none of the `transports` can work here.
 */
export function createMessageBus(options: MessageBusOptions = {}): MessageBus {
  return createBus(options, TRANSPORTS);
}

/** As {@link createMessageBus}, over other transports. For tests. */
export function createBus(options: MessageBusOptions, transports: Record<TransportName, Transport>): MessageBus {
  const { url = "/bus", clock = systemClock, random = Math.random, timeout = 30_000 } = options;
  const { fetch = globalThis.fetch, WebSocket = globalThis.WebSocket } = options;
  const usable = (names: readonly TransportName[]): TransportName[] => {
    const found = names.filter((name) => transports[name] && (name !== "websocket" || WebSocket));
    if (!found.length) throw new TypeError(`none of the transports ${names.join(", ")} works here`);
    return found;
  };
  const statusListeners = new Set<(status: Status) => void>();
  const answers = new Map<Request, (reply: ReplyFrame | undefined, error?: WireError) => void>();
  let keys = "";
  let lastKey = 0;
  let stopWatching: (() => void) | undefined;

  const hub = createHub({ clock, random, onGap: options.onGap, session: () => session });
  const port: SessionPort = {
    ...hub.port,
    send: (link, frames) => connector.send(link, frames),
    answered: (request, reply, error) => answers.get(request)?.(reply, error),
    connected: (link, frame) => connector.connected(link, frame),
    disconnected: (link, error) => connector.fail(link, error),
  };
  const session = new Session(port);
  const connector = new Connector(
    {
      session,
      transports,
      token: options.token,
      getToken: options.getToken,
      context: {
        url: url.replace(/\/+$/, ""),
        clock,
        random,
        WebSocket,
        fetch: (input, init) => fetch(input, init), // called as a method, the platform's own throws
        received: () => session.report(),
        sends: { session: "", seq: 0, unanswered: false },
      },
      onStatus(status) {
        if (status.state === "closed") end();
        for (const listener of [...statusListeners]) {
          try {
            if (statusListeners.has(listener)) listener(status);
          } catch (error) {
            report(error);
          }
        }
      },
    },
    usable(options.transports ?? ["websocket", "sse", "poll"]),
  );

  function start(): void {
    stopWatching ??= watchPage({
      wake: () => connector.wake(),
      hide: () => connector.leave(),
      show: () => connector.release(),
    });
    connector.start();
  }

  function end(): void {
    stopWatching?.();
    hub.close();
    for (const answer of [...answers.values()]) answer(undefined, CLOSED);
  }

  /** Asks the server, and gives what `read` makes of its reply. */
  function ask<T>(frame: ClientFrame, read: (reply: ReplyFrame) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const refuse = (error: WireError): void => reject(new TidingsError(error));
      if (connector.status.state === "closed") return refuse(CLOSED);
      if (!validChannel(frame.channel)) return refuse(badChannel(frame.channel));
      if (byteLength(JSON.stringify(frame)) > MAX_FRAME_BYTES) return refuse(TOO_LARGE);
      const request = session.request(frame);
      const timer = clock.set(() => answer(undefined, TIMEOUT), timeout);
      const answer = (reply: ReplyFrame | undefined, error: WireError = TIMEOUT): void => {
        clock.clear(timer);
        answers.delete(request);
        session.cancel(request);
        if (reply) resolve(read(reply));
        else refuse(error);
      };
      answers.set(request, answer);
      start();
    });
  }

  return {
    subscribe(channel, onMessage, subscribeOptions = {}) {
      const error =
        connector.status.state === "closed" ? CLOSED : validChannel(channel) ? undefined : badChannel(channel);
      if (error) return hub.refuse(error, channel, subscribeOptions);
      const unsubscribe = hub.subscribe(channel, onMessage as never, subscribeOptions);
      start();
      return unsubscribe;
    },
    async publish(channel, data, { event, idempotencyKey, spread } = {}) {
      const json = JSON.stringify(data);
      if (json === undefined) throw new TypeError("data is not a JSON value");
      keys ||= randomPrefix();
      const frame: ClientFrame = { type: "publish", channel, data: JSON.parse(json) };
      if (event !== undefined) frame.event = event;
      if (spread !== undefined) frame.spread = spread;
      frame.idempotencyKey = idempotencyKey ?? `${keys}-${++lastKey}`;
      return ask(frame, (reply) => pick(reply as unknown as Position));
    },
    history<T>(channel: string, { since, limit }: { since?: Position; limit?: number } = {}) {
      const frame: ClientFrame = { type: "history", channel };
      if (since) frame.since = pick(since);
      if (limit !== undefined) frame.limit = limit;
      return ask<History<T>>(frame, (reply) => ({
        messages: reply.messages as Message<T>[],
        position: pick(reply as unknown as Position),
        complete: reply.complete as boolean,
      }));
    },
    get status() {
      return connector.status;
    },
    onStatus(listener) {
      const own = (status: Status): void => listener(status); // the same listener twice is two
      statusListeners.add(own);
      return () => void statusListeners.delete(own);
    },
    use: (names) => connector.use(usable(names)),
    close: () => connector.close(null),
    debug: {
      cut: () => connector.cut(),
      hold: () => connector.cut(true),
      release: () => connector.release(),
    },
  };
}

const TOO_LARGE: WireError = {
  code: "too_large",
  message: `The message is above ${MAX_FRAME_BYTES} bytes.`,
  hint: "Publish a hint, and let subscribers fetch the rest.",
};

const badChannel = (channel: unknown): WireError => ({
  code: "bad_channel",
  message: `${JSON.stringify(channel)} is not a channel name.`,
  hint: "Give 1 to 200 of A-Z a-z 0-9 _ . ~ : / @ + = , - without an empty segment, \".\" or \"..\".",
});
