import type { ClientFrame, ConnectedFrame, WireError } from "../core/frames.js";
import type { Transport, TransportName } from "../transports/transport.js";
import type { MessageBusOptions, Status } from "../types.js";
import type { Clock } from "../util/clock.js";
/** What a connector needs. */
export interface ConnectorConfig {
    readonly options: MessageBusOptions;
    readonly clock: Clock;
    readonly random: () => number;
    readonly transports: Readonly<Record<TransportName, Transport>>;
    /** The transports to try, best first. */
    readonly names: readonly TransportName[];
}
/** Keeps a link open: chooses the transport, waits between attempts, and hears when a link is dead. */
export interface Connector {
    readonly status: Status;
    /** Connects, unless that is done or under way. */
    start(): void;
    /** The network may be back: connects at once, or asks what is open whether it lives. */
    wake(): void;
    /** The page is left: takes leave of the server, and connects no more until {@link Connector.release}. */
    leave(): void;
    /** Ends `leave` and `cut(true)`. */
    release(): void;
    /** Drops every link as if the network had failed, and stays offline until `release` if `hold`. */
    cut(hold?: boolean): void;
    /** Goes over to these transports; what is open goes on until one of them works. */
    use(names: readonly TransportName[]): void;
    /** Ends for good. */
    close(error: WireError | null): void;
    /** Writes frames to a link that the session named. */
    send(link: number, frames: ClientFrame[]): void;
    /** The session goes over `link` now. */
    connected(link: number, frame: ConnectedFrame): void;
    /** A link is over, by the network or by the server's word. */
    fail(link: number, error?: WireError): void;
    /**
     * Asks `getToken`, and reports the token to the server: on the connection that stands, else by the next connect.
     * Rejects as `getToken` does.
     */
    refresh(): Promise<void>;
    /**
     * An answer arrived, or a message, with its time: the connection is of use. The wait before the next attempt grows
     * from the time of the last message on, however soon the connection that brought it is cut.
     */
    fruit(at?: number): void;
    /** A message stays away over the link, however often it is asked for. */
    hole(): void;
    /** The token's time is nearly over. */
    renew(): void;
}
/**
 * What carries a session's frames: the {@link Connector} of its own, or a place among tabs that share one connection.
 */
export type Carrier = Pick<Connector, "status" | "start" | "wake" | "leave" | "release" | "cut" | "use" | "close" | "send" | "connected" | "fail" | "refresh">;
/** What the status says if no word of the server came. */
export declare const LOST: WireError;
