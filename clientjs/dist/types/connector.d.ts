import type { ClientFrame, ConnectedFrame, WireError } from "./core/frames.js";
import type { Session } from "./core/session.js";
import type { LinkContext, Transport, TransportName } from "./transports/transport.js";
import type { Status } from "./types.js";
/** What a connector needs. */
export interface ConnectorConfig {
    readonly session: Session;
    readonly context: Omit<LinkContext, "token">;
    readonly transports: Readonly<Record<TransportName, Transport>>;
    readonly token: string | undefined;
    readonly getToken: (() => string | Promise<string>) | undefined;
    onStatus(status: Status): void;
}
/** Keeps a link open: chooses the transport, waits between attempts, and hears when a link is dead. */
export declare class Connector {
    private readonly config;
    status: Status;
    private names;
    private readonly links;
    private lastLink;
    /** Transports still to try in this row. */
    private row;
    private preferred;
    private preferredAt;
    private shortLives;
    /** Since when there was no good connection; Infinity before the first attempt. */
    private downSince;
    private timer;
    private held;
    private token;
    /** The token was fetched and nothing has been connected with it yet. */
    private untried;
    private readonly clock;
    private readonly context;
    private readonly heartbeat;
    constructor(config: ConnectorConfig, names: readonly TransportName[]);
    /** It has begun and is not closed. */
    private get active();
    /** Connects, unless that is done or under way. */
    start(): void;
    /** The network may be back: connects at once, or asks what is open whether it lives. */
    wake(): void;
    /** Goes over to these transports; what is open goes on until one of them works. */
    use(names: readonly TransportName[]): void;
    /** Drops every link as if the network had failed, and stays offline until `release` if `hold`. */
    cut(hold?: boolean): void;
    /** Ends `cut(true)`. */
    release(): void;
    /** Says goodbye, and connects no more until {@link release}. */
    leave(): void;
    /** Ends for good. */
    close(error: WireError | null): void;
    /** Writes frames to a link that the session named. */
    send(link: number, frames: ClientFrame[]): void;
    /** The session goes over `link` now. */
    connected(link: number, frame: ConnectedFrame): void;
    /** A link is over, by the network or by the server's word. */
    fail(id: number, error?: WireError): void;
    /** Deals with an error after which the same connect must not be tried again. */
    private ended;
    /** Learns from how long a connection lasted. */
    private judge;
    private connect;
    private fetchToken;
    /** Tries the next transport of the row. */
    private next;
    private wait;
    private drop;
    private dropAll;
    /** Drops every link but the one that carries the session. */
    private dropOthers;
    private set;
}
