import type { Request, SessionPort, Subscription } from "./port.js";
import type { ClientFrame, Position, ServerFrame, WireError } from "./frames.js";
export type { Request, SessionPort, Subscription } from "./port.js";
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
    open(link: number, token?: string, fallback?: string, connectionId?: string, max?: number): void;
    /** A link failed or was closed. */
    lost(link: number): void;
    /** Abandons the session: the next link starts a new one, and every subscription recovers from its cursor. */
    forget(): void;
    /**
     * Makes the next `connect` end the session `id` of another client: with a count that the server never reached it
     * cannot resume.
     */
    replaces(id: string): void;
    /** Makes a subscription, from `since` if it is given. One per channel, filter and scope. */
    subscribe(channel: string, since?: Position, filter?: unknown, scope?: string): Subscription;
    /** Ends a subscription; nothing more is handed out for it. */
    unsubscribe(sub: Subscription): void;
    /**
     * Sends a frame that wants an answer, now or when connected, and again after a reconnect until the answer is there. A
     * publish should carry an idempotency key.
     */
    request(frame: ClientFrame): Request;
    /** Stops waiting for an answer. */
    cancel(request: Request | undefined): void;
    /**
     * Sends a ping that reports what was received. A `subscribe` that is still without an answer at the third ping after it is
     * sent again.
     */
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
    /** Subscribes again what the server's rules ended. */
    ask(): void;
    /** Subscribes again what has had no answer since before the last call: it was lost on its way. */
    nudge(): void;
    /** A request or `subscribe` failed on its way to the server. */
    refused(id: number, error: WireError): void;
    /** Reports to the server that the session is over. */
    goodbye(): void;
    /** Takes one frame from a link. Frames of links that no longer, or do not yet, carry the session are dropped. */
    frame(link: number, f: ServerFrame): void;
}
/** Makes a session that has no link yet. */
export declare function createSession(port: SessionPort): Session;
