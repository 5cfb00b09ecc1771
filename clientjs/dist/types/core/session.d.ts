import { type Cursor, type CursorGap } from "./cursor.js";
import { type ClientFrame, type ConnectedFrame, type MessageFrame, type Position, type ReplyFrame, type ServerFrame, type WireError } from "./frames.js";
/**
 * What a {@link Session} asks of the program that it runs in. Called from within the session's methods, in order. It
 * must not throw.
 */
export interface SessionPort {
    /** Writes frames to a link, at most 64, as one message. A field that is undefined is absent. */
    send(link: number, frames: ClientFrame[]): void;
    /** Hands out a message. The cursor moves when it returned. */
    message(sub: Subscription, message: MessageFrame): void;
    /** Messages of `sub` may be missing. */
    gap(sub: Subscription, gap: CursorGap): void;
    /** `sub` is live from its cursor. */
    subscribed(sub: Subscription, recovered: boolean): void;
    /** The server refused or ended `sub`; it is forgotten. */
    ended(sub: Subscription, error: WireError): void;
    /** The answer to a request: a reply, or an error. */
    answered(request: Request, reply: ReplyFrame | undefined, error: WireError | undefined): void;
    /** `link` carries the session now. */
    connected(link: number, frame: ConnectedFrame, resumed: boolean): void;
    /** The server ended `link`: it will not carry more. */
    disconnected(link: number, error: WireError & {
        retry: boolean;
    }): void;
    /**
     * Frames that are no business of the machine: `event`, `joined`, `left`, an `error` without id, and the beginning and
     * end of a subscription that the server made.
     */
    other(frame: ServerFrame): void;
    /** Asks for a call of {@link Session.retry} in a while: the server refused a subscription for the moment. */
    retryLater(): void;
}
/** One channel as the client holds it on the wire. */
export interface Subscription {
    readonly channel: string;
    readonly filter: unknown;
    readonly cursor: Cursor;
    /** Named by the server if there is a filter. */
    room: string;
    /** The id of the `subscribe` that has no answer yet; 0 for none. */
    pending: number;
    /** A `gap` answered it already. */
    told?: boolean;
    /** Refused for the moment. */
    refused?: boolean;
    /** Confirmed on this session. */
    live?: boolean;
    /** Unsubscribed before the server named its room: the unsubscribe follows when it has. */
    over?: boolean;
}
/** A publish, history or other request that wants an answer. */
export interface Request {
    readonly frame: Readonly<ClientFrame>;
    /** As last sent; 0: not sent yet. */
    id: number;
    /** Called with the answer by the program that asked. */
    done?: (reply?: ReplyFrame, error?: WireError) => void;
}
/**
 * A client's side of the protocol as a pure state machine: one session over a row of links, each of which is a
 * transport that its program opened. It counts frames, resumes, subscribes again, checks continuity, and reports one
 * gap if that fails. SPEC.md sections 7 and 10; `core/client.go` is the same machine in Go, and both replay the same
 * traces.
 */
export interface Session {
    /** The secret by which the connection can be taken up again; empty before the first `connected`. */
    readonly id: string;
    /** The link that carries the session, 0 for none. */
    readonly link: number;
    /**
     * Takes a new link, numbered from 1 and never reused, and sends `connect` over it. The link that carries the session
     * goes on until the answer comes (make before break). `fallback` says why it is not the best transport,
     * `connectionId` how the application knows the page.
     */
    open(link: number, token?: string, fallback?: string, connectionId?: string): void;
    /** A link failed or was closed. */
    lost(link: number): void;
    /** Abandons the session: the next link starts a new one, and every subscription recovers from its cursor. */
    forget(): void;
    /**
     * Makes the next `connect` end the session `id` of another client: with a count that the server never reached it
     * cannot resume.
     */
    replaces(id: string): void;
    /** Makes a subscription, from `since` if it is given. One per channel and filter. */
    subscribe(channel: string, since?: Position, filter?: unknown): Subscription;
    /** Ends a subscription; nothing more is handed out for it. */
    unsubscribe(sub: Subscription): void;
    /**
     * Sends a frame that wants an answer, now or when connected, and again after a reconnect until the answer is there. A
     * publish should carry an idempotency key.
     */
    request(frame: ClientFrame): Request;
    /** Stops waiting for an answer. */
    cancel(request: Request | undefined): void;
    /** Sends a ping that reports what was received. */
    ping(): void;
    /**
     * The count to put in a frame that reports it: of the frames that the present link brought, or repeated. While a new
     * link still repeats what an older one brought, that is less than was handed on; the server has not written more to
     * it. Undefined while a connect with an older count is on its way: what is reported is forgotten, so it could not
     * resume.
     */
    report(): number | undefined;
    /** Subscribes again what the server refused for the moment. */
    retry(): void;
    /** Reports to the server that the session is over. */
    goodbye(): void;
    /** Takes one frame from a link. Frames of links that no longer, or do not yet, carry the session are dropped. */
    frame(link: number, f: ServerFrame): void;
}
/** Makes a session that has no link yet. */
export declare function createSession(port: SessionPort): Session;
