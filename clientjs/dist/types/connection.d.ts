import type { Clock } from "./clock.js";
import { type Status } from "./connector.js";
import type { ClientFrame, Position } from "./core/frames.js";
import { type Request, type SessionPort, type Subscription } from "./core/session.js";
import type { Transport, TransportName } from "./transports/transport.js";
import type { MessageBusOptions } from "./types.js";
/** What a bus asks of what carries it: a connection of its own, or one that is shared with others. */
export interface Connection {
    readonly status: Status;
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
/** Makes what carries a bus. `own` makes the ordinary connection of a page, which goes to the server. */
export type Connect = (port: ConnectionPort, own: (port: ConnectionPort) => Connection) => Connection;
/** What a page's own connection needs. */
export interface ConnectionConfig {
    readonly options: MessageBusOptions;
    readonly clock: Clock;
    readonly random: () => number;
    readonly transports: Readonly<Record<TransportName, Transport>>;
    readonly names: readonly TransportName[];
}
/** Makes a page's own connection to the server: a session over one transport or another. */
export declare function createConnection({ options, clock, random, transports, names }: ConnectionConfig, port: ConnectionPort): Connection;
