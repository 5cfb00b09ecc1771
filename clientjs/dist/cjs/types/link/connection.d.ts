import { type Clock } from "../util/clock.js";
import type { Carrier } from "./carrier.js";
import type { WireError } from "../core/frames.js";
import { type Session, type SessionPort } from "../core/session.js";
import { TidingsError } from "../core/errors.js";
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
export interface ConnectionPort extends Pick<SessionPort, "message" | "gap" | "subscribed" | "ended" | "other" | "retryLater"> {
    /** `status` has changed; `closed` is the last. */
    changed(status: Status): void;
}
/** {@link BUILD}, or that it runs from source. */
export declare const build: string;
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
export declare function createConnection(config: ConnectionConfig, port: ConnectionPort): Connection;
