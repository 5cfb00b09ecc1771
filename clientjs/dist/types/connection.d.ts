import type { Clock } from "./clock.js";
import { type Connector } from "./connector.js";
import type { ClientFrame, Position, WireError } from "./core/frames.js";
import { type Request, type Session, type SessionPort, type Subscription } from "./core/session.js";
import { TidingsError } from "./errors.js";
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
export interface ConnectionPort extends Pick<SessionPort, "message" | "gap" | "subscribed" | "ended" | "answered" | "other" | "retryLater"> {
    /** `status` has changed; `closed` is the last. */
    changed(status: Status): void;
}
/** What carries a session's frames: the {@link Connector} of its own, or a place among tabs that share one connection. */
export type Carrier = Pick<Connector, "status" | "start" | "wake" | "leave" | "release" | "cut" | "use" | "close" | "send" | "connected" | "fail">;
/** {@link BUILD}, or that it runs from source. */
export declare const build: string;
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
export type LoadTabs = () => Promise<{
    share(host: CarrierHost): Carrier;
}>;
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
export declare function createConnection(config: ConnectionConfig, port: ConnectionPort, fence?: string): Connection;
