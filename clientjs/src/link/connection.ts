import { patience, type Clock } from "../util/clock.js";
import type { Carrier } from "./carrier.js";
import { createConnector } from "./connector.js";
import { TOKEN_OVER } from "../core/codes.js";
import type { WireError } from "../core/frames.js";
import { createSession, type Session, type SessionPort } from "../core/session.js";
import { TidingsError } from "../core/errors.js";
import { watchPage } from "../util/page.js";
import type { Transport, TransportName } from "../transports/transport.js";
import type { MessageBusOptions, Status } from "../types.js";

/** What a bus asks of what carries it. */
export interface Connection {
  /** Subscriptions and requests. The port hears of them by the objects that this returns. */
  readonly session: Pick<Session, "id" | "subscribe" | "unsubscribe" | "retry" | "request" | "cancel" | "replaces">;
  /** How it stands, and what it should do about that. */
  readonly carrier: Omit<Carrier, "start" | "send" | "connected" | "fail">;
  /** Opens it, unless that is done. */
  start(): void;
}

/** What a connection asks of its bus. */
export interface ConnectionPort
  extends Pick<SessionPort, "message" | "gap" | "subscribed" | "ended" | "other" | "retryLater"> {
  /** `status` has changed; `closed` is the last. */
  changed(status: Status): void;
}

/**
 * The sources that this was built from, by which files, and tabs, that belong together know each other; set by
 * build.mjs.
 */
declare const BUILD: string | undefined;
/** {@link BUILD}, or that it runs from source. */
export const build = typeof BUILD === "string" ? BUILD : "source";

/** What a carrier that shares is given. */
export interface CarrierHost {
  readonly build: string;
  readonly options: MessageBusOptions;
  readonly names: readonly TransportName[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly session: Session;
  /** Makes a connection that goes to the server itself. */
  own(port: ConnectionPort, changes: Pick<ConnectionConfig, "options" | "names" | "tabs">): Connection;
  /** Ends sharing: this connection becomes its own. */
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
export function createConnection(config: ConnectionConfig, port: ConnectionPort): Connection {
  const { tabs, clock } = config;
  let stopWatching: (() => void) | undefined;
  /** Until what rules ended is asked for again. */
  let asking: unknown;
  const session = createSession({
    ...port,
    send: (link, frames) => carrier.send(link, frames),
    connected: (link, frame) => carrier.connected(link, frame),
    disconnected: (link, error) => carrier.fail(link, error),
    message(sub, frame) {
      connector.fruit(clock.now());
      port.message(sub, frame);
    },
    retryLater(holes) {
      // Once over each transport; what gets through none of them is not the fault of any.
      if (holes && holes <= config.names.length + 1) connector.hole();
      port.retryLater(holes);
    },
    askLater(tries) {
      asking ??= clock.set(() => {
        asking = undefined;
        session.ask();
      }, patience(tries, config.random));
    },
    answered(request, reply, error) {
      connector.fruit();
      request.done?.(reply, error);
    },
    other: (frame) => ("code" in frame && frame.code === TOKEN_OVER ? connector.renew() : port.other(frame)),
  });
  const changed = (status: Status): void => {
    if (status.state === "closed") {
      stopWatching?.();
      clock.clear(asking);
    }
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
    session,
    get carrier() {
      return carrier;
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
          own: (own, changes) => createConnection({ ...config, ...changes }, own),
          alone,
          changed,
          error: (wire) => new TidingsError(wire),
        });
        carrier.start();
      }).catch(alone);
    },
  };
}
