import { systemClock } from "./clock.js";
import { createConnection, type ConnectionPort, type LoadTabs } from "./connection.js";
import { pick } from "./core/cursor.js";
import type { ClientFrame, Position, ReplyFrame, ServerFrame, WireError } from "./core/frames.js";
import { validChannel } from "./core/frames.js";
import type { Request } from "./core/session.js";
import { TidingsError } from "./errors.js";
import { createHub } from "./hub.js";
import { createListeners } from "./listeners.js";
import { poll } from "./transports/poll.js";
import { sse } from "./transports/sse.js";
import { MAX_FRAME_BYTES, byteLength, type Transport, type TransportName } from "./transports/transport.js";
import { websocket } from "./transports/websocket.js";
import type { History, MessageBus, MessageBusOptions, Status } from "./types.js";

const TRANSPORTS: Record<TransportName, Transport> = { websocket, sse, poll };
const CLOSED: WireError = { code: "closed", message: "The bus is closed.", hint: "Make a new one." };
const TIMEOUT: WireError = {
  code: "timeout",
  message: "No answer: the outcome is unknown.",
  hint: "Repeat it with the same key.",
  retry: true,
};

/** A random start for idempotency keys. `crypto.randomUUID` is missing on pages without TLS. */
const randomPrefix = (): string => crypto.getRandomValues(new Uint32Array(4)).join("-");

/**
 * Makes a bus. Nothing is opened before its first use, so this may run on a server too.
 * Throws a `TypeError` where none of the `transports` can work here.
 */
export function createMessageBus(options: MessageBusOptions = {}): MessageBus {
  const shared = options.tabs !== false && globalThis.navigator?.locks;
  return createBus(options, TRANSPORTS, shared ? () => import("./tabs.js") : undefined);
}

/** As {@link createMessageBus}, over other transports. For tests. */
export function createBus(
  options: MessageBusOptions,
  transports: Record<TransportName, Transport>,
  tabs?: LoadTabs,
): MessageBus {
  const { clock = systemClock, random = Math.random, timeout = 30_000 } = options;
  const usable = (names: readonly TransportName[]): TransportName[] => {
    const found = names.filter((name) => transports[name] && (name !== "websocket" || options.WebSocket || globalThis.WebSocket));
    if (!found.length) throw new TypeError(`no transport works here: ${names}`);
    return found;
  };
  const names = usable(options.transports ?? ["websocket", "sse", "poll"]);
  const statusListeners = createListeners<[Status]>();
  const frameListeners = createListeners<[ServerFrame]>();
  const answers = new Map<Request, (reply: ReplyFrame | undefined, error?: WireError) => void>();
  let keys = "";
  let lastKey = 0;

  const hub = createHub({ clock, random, onGap: options.onGap, connection: () => connection });
  const port: ConnectionPort = {
    ...hub.port,
    answered: (request, reply, error) => answers.get(request)?.(reply, error),
    other(frame) {
      if (frame.type === "error") console.warn(`tidings: ${frame.code}: ${frame.message} ${frame.hint ?? ""}`);
      frameListeners.tell(frame);
    },
    changed(status) {
      if (status.state === "closed") end();
      statusListeners.tell(status);
    },
  };
  const connection = createConnection({ options, clock, random, transports, names, tabs }, port);

  function end(): void {
    hub.close();
    for (const answer of [...answers.values()]) answer(undefined, CLOSED);
  }

  /** Says why something cannot be asked for. */
  function wrong(frame: { channel?: unknown }): WireError | undefined {
    if (connection.status.state === "closed") return CLOSED;
    if ("channel" in frame && !validChannel(frame.channel)) return badChannel(frame.channel);
    return byteLength(JSON.stringify(frame)) > MAX_FRAME_BYTES ? TOO_LARGE : undefined;
  }

  /** Sends a frame that wants an answer. */
  function request(frame: ClientFrame): Promise<ReplyFrame> {
    return new Promise((resolve, reject) => {
      const error = wrong(frame);
      if (error) return reject(new TidingsError(error));
      const asked = connection.request(frame);
      const timer = clock.set(() => answer(undefined), timeout);
      const answer = (reply: ReplyFrame | undefined, failure: WireError = TIMEOUT): void => {
        clock.clear(timer);
        answers.delete(asked);
        connection.cancel(asked);
        if (reply) resolve(reply);
        else reject(new TidingsError(failure));
      };
      answers.set(asked, answer);
      connection.start();
    });
  }

  return {
    subscribe(channel, onMessage, subscribeOptions = {}) {
      const error = wrong({ channel });
      if (error) return hub.refuse(error, channel, subscribeOptions);
      const unsubscribe = hub.subscribe(channel, onMessage as never, subscribeOptions);
      connection.start();
      return unsubscribe;
    },
    async publish(channel, data, { event, idempotencyKey, spread } = {}) {
      const json = JSON.stringify(data);
      if (json === undefined) throw new TypeError("data is not a JSON value");
      keys ||= randomPrefix();
      idempotencyKey ??= `${keys}-${++lastKey}`;
      const reply = await request({ type: "publish", channel, data: JSON.parse(json), event, spread, idempotencyKey });
      return pick(reply as unknown as Position);
    },
    async history<T>(channel: string, { since, limit }: { since?: Position; limit?: number } = {}) {
      const { messages, complete, ...position } = await request({ type: "history", channel, since: since && pick(since), limit });
      return { messages, position: pick(position as unknown as Position), complete } as History<T>;
    },
    request,
    onFrame: frameListeners.add,
    url: options.url ?? "/bus",
    get status() {
      return connection.status;
    },
    onStatus: statusListeners.add,
    use: (n) => connection.use(usable(n)),
    close: () => connection.close(),
    debug: {
      cut: () => connection.cut(),
      hold: () => connection.cut(true),
      release: () => connection.release(),
    },
  };
}

const TOO_LARGE: WireError = {
  code: "too_large",
  message: `It is above ${MAX_FRAME_BYTES} bytes.`,
  hint: "Publish less.",
};

const badChannel = (channel: unknown): WireError => ({
  code: "bad_channel",
  message: `${JSON.stringify(channel)} is no channel name.`,
  hint: "Give 1 to 200 of A-Za-z0-9_.~:/@+=,-",
});
