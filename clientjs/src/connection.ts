import type { Clock } from "./clock.js";
import { createConnector, type Connector } from "./connector.js";
import type { ClientFrame, Position, WireError } from "./core/frames.js";
import { createSession, type Request, type Session, type SessionPort, type Subscription } from "./core/session.js";
import { TidingsError } from "./errors.js";
import { watchPage } from "./page.js";
import type { Transport, TransportName } from "./transports/transport.js";
import type { MessageBusOptions, Status } from "./types.js";

/** What a bus asks of what carries it. */
export interface Connection {
  readonly status: Status;
  /** The session's id, a secret; empty before the server gave one. */
  readonly session: string;
  /** Opens it, unless that is done. */
  start(): void;
  /** One per channel. The port hears of it by the object that this gives. */
  subscribe(channel: string, since?: Position): Subscription;
  unsubscribe(sub: Subscription): void;
  /** Subscribes again what was refused for the moment, see `retryLater`. */
  retry(): void;
  /** Sends a frame that wants an answer, and again after a reconnect, until `answered` or `cancel`. */
  request(frame: ClientFrame): Request;
  cancel(request: Request): void;
  /** The network may be back, or somebody looks: connects at once, or asks what is open whether it lives. */
  wake(): void;
  /** Goes over to these transports. */
  use(names: readonly TransportName[]): void;
  /** Drops what is open as if the network had failed, and stays away until `release` if `hold`. */
  cut(hold?: boolean): void;
  release(): void;
  /** Says goodbye, for good. */
  close(): void;
}

/** What a connection asks of its bus. */
export interface ConnectionPort
  extends Pick<SessionPort, "message" | "gap" | "subscribed" | "ended" | "answered" | "other" | "retryLater"> {
  /** `status` has changed; `closed` is the last. */
  changed(status: Status): void;
}

/** What carries a session's frames: the {@link Connector} of its own, or a place among tabs that share one connection. */
export type Carrier = Pick<
  Connector,
  "status" | "start" | "wake" | "leave" | "release" | "cut" | "use" | "close" | "send" | "connected" | "fail"
>;

/** The sources that this was built from, by which files, and tabs, that belong together know each other; set by build.mjs. */
declare const BUILD: string | undefined;
/** {@link BUILD}, or that it runs from source. */
export const build = typeof BUILD === "string" ? BUILD : "source";

/** What a carrier that shares is given. */
export interface CarrierHost {
  readonly build: string;
  readonly options: MessageBusOptions;
  readonly clock: Clock;
  readonly random: () => number;
  readonly session: Session;
  /** Makes a connection that goes to the server itself with this `getToken`, and ends the session `fence` there. */
  own(port: ConnectionPort, getToken: MessageBusOptions["getToken"], fence: string): Connection;
  /** Gives up sharing. */
  alone(): void;
  changed(status: Status): void;
  error(wire: WireError): TidingsError;
}

/** Loads what shares a connection among tabs. */
export type LoadTabs = () => Promise<{ share(host: CarrierHost): Carrier }>;

/** What a page's connection needs. */
export interface ConnectionConfig {
  readonly options: MessageBusOptions;
  readonly clock: Clock;
  readonly random: () => number;
  readonly transports: Readonly<Record<TransportName, Transport>>;
  readonly names: readonly TransportName[];
  /** Absent: this connection is not shared. */
  readonly tabs?: LoadTabs | undefined;
}

/** Makes a page's connection to the server: a session over one transport or another, or over that of another tab. */
export function createConnection(config: ConnectionConfig, port: ConnectionPort, fence = ""): Connection {
  const { options, tabs } = config;
  let { names } = config;
  let stopWatching: (() => void) | undefined;
  const session = createSession({
    ...port,
    send: (link, frames) => carrier.send(link, frames),
    connected: (link, frame) => carrier.connected(link, frame),
    disconnected: (link, error) => carrier.fail(link, error),
  });
  if (fence) session.replaces(fence);
  const changed = (status: Status): void => {
    if (status.state === "closed") stopWatching?.();
    port.changed(status);
  };
  const connector = createConnector(config, session, changed);
  let carrier: Carrier = connector;
  const alone = (): void => {
    carrier = connector;
    connector.start();
  };
  let loading: Promise<void> | undefined;
  return {
    get status() {
      return carrier.status;
    },
    get session() {
      return session.id;
    },
    start() {
      stopWatching ??= watchPage(
        () => carrier.wake(),
        () => carrier.leave(),
        () => carrier.release(),
      );
      if (!tabs) return connector.start();
      loading ??= tabs().then(({ share }) => {
        if (connector.status.state === "closed") return;
        carrier = share({
          ...config,
          build,
          session,
          own: (own, getToken, old) =>
            createConnection({ ...config, options: { ...options, getToken }, names, tabs: undefined }, own, old),
          alone,
          changed,
          error: (wire) => new TidingsError(wire),
        });
        carrier.start();
      }).catch(alone);
    },
    subscribe: session.subscribe,
    unsubscribe: session.unsubscribe,
    retry: session.retry,
    request: session.request,
    cancel: session.cancel,
    wake: () => carrier.wake(),
    use(n) {
      names = n;
      carrier.use(n);
    },
    cut: (hold) => carrier.cut(hold),
    release: () => carrier.release(),
    close: () => carrier.close(null),
  };
}
