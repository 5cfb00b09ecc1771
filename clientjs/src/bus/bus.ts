import { systemClock } from "../util/clock.js";
import { createConnection, type ConnectionPort, type LoadTabs } from "../link/connection.js";
import { pick } from "../core/cursor.js";
import type { ClientFrame, Position, ReplyFrame, ServerFrame, WireError } from "../core/frames.js";
import { MAX_FRAME_BYTES, validChannel } from "../core/frames.js";
import type { Request } from "../core/session.js";
import { TidingsError } from "../core/errors.js";
import { createHub } from "./hub.js";
import { createListeners } from "../util/listeners.js";
import { poll } from "../transports/poll.js";
import { sse } from "../transports/sse.js";
import { byteLength, type Transport, type TransportName } from "../transports/transport.js";
import { websocket } from "../transports/websocket.js";
import type { History, MessageBus, MessageBusOptions, Status } from "../types.js";

const TRANSPORTS: Record<TransportName, Transport> = { websocket, sse, poll };
const CLOSED: WireError = { code: "closed" };

/** `crypto.randomUUID` is missing on pages without TLS. */
const randomKey = (): string => `${crypto.getRandomValues(new Uint32Array(4))}`;

/**
 * Makes a bus. Nothing is opened before its first use, so this may run on a server too.
 * Throws a `TypeError` if none of the `transports` can work here.
 */
export function createMessageBus(options: MessageBusOptions = {}): MessageBus {
  const shared = options.tabs !== false && !options.connectionId && globalThis.navigator?.locks;
  return createBus(options, TRANSPORTS, shared ? () => import("../tabs.js") : undefined);
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
  const asked = new Set<Request>();
  /** What began the subscriptions that the server made. */
  const joined = new Map<string, ServerFrame>();

  const hub = createHub({ clock, random, onGap: options.onGap, session: () => connection.session });
  const port: ConnectionPort = {
    ...hub.port,
    other(frame) {
      if (frame.type === "subscribed") joined.set(frame.channel, frame);
      if (frame.type === "unsubscribed") joined.delete(frame.channel);
      if (frame.type === "error") console.warn(`tidings: ${frame.code}: ${frame.message} ${frame.hint ?? ""}`);
      frameListeners.tell(frame);
    },
    changed(status) {
      if (status.state === "closed") end(status.error);
      statusListeners.tell(status);
    },
  };
  const connection = createConnection({ options, clock, random, transports, names, tabs }, port);

  function end(error: TidingsError | null): void {
    if (error) console.error(`tidings: closed: ${error.message} ${error.hint}`, error);
    hub.close(error);
    for (const { done } of asked) done?.(undefined, CLOSED);
  }

  /** Returns why something cannot be asked for, undefined if it can. */
  function wrong(frame: { channel?: unknown; filter?: unknown }): WireError | undefined {
    if (connection.carrier.status.state === "closed") return CLOSED;
    if ("channel" in frame && !validChannel(frame.channel)) return { code: "bad_channel", message: JSON.stringify(frame.channel) };
    return byteLength(JSON.stringify(frame)) > MAX_FRAME_BYTES ? { code: "too_large" } : undefined;
  }

  /** Sends a frame that wants an answer. */
  function request(frame: ClientFrame): Promise<ReplyFrame> {
    return new Promise((resolve, reject) => {
      const error = wrong(frame);
      if (error) return reject(new TidingsError(error));
      const own = connection.session.request(frame);
      const timer = clock.set(() => own.done?.(), timeout);
      own.done = (reply, failure = { code: "timeout", retry: true }) => {
        clock.clear(timer);
        asked.delete(own);
        connection.session.cancel(own);
        if (reply) resolve(reply);
        else reject(new TidingsError(failure));
      };
      asked.add(own);
      connection.start();
    });
  }

  return {
    subscribe(channel, onMessage, subscribeOptions = {}) {
      const error = wrong({ channel, filter: subscribeOptions.filter });
      if (error) return hub.refuse(error, channel, subscribeOptions);
      const unsubscribe = hub.subscribe(channel, onMessage as never, subscribeOptions);
      connection.start();
      return unsubscribe;
    },
    async publish(channel, data, options) {
      const reply = await request({
        ...options,
        type: "publish",
        channel,
        data: JSON.parse(JSON.stringify(data)),
        idempotencyKey: options?.idempotencyKey ?? randomKey(),
      });
      return pick(reply as unknown as Position);
    },
    async history<T>(channel: string, { since, limit }: { since?: Position; limit?: number } = {}) {
      const reply = await request({ type: "history", channel, since: since && pick(since), limit });
      return { messages: reply.messages, position: pick(reply as unknown as Position), complete: reply.complete } as History<T>;
    },
    request,
    onFrame(listener) {
      joined.forEach((frame) => listener(frame));
      return frameListeners.add(listener);
    },
    url: options.url ?? "/bus",
    get status() {
      return connection.carrier.status;
    },
    onStatus: statusListeners.add,
    refresh: () => connection.carrier.refresh(),
    use: (n) => connection.carrier.use(usable(n)),
    close: () => connection.carrier.close(null),
    debug: {
      cut: () => connection.carrier.cut(),
      hold: () => connection.carrier.cut(true),
      release: () => connection.carrier.release(),
    },
  };
}
