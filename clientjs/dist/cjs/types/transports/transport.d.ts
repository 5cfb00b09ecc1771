import type { Clock } from "../util/clock.js";
import { type ClientFrame, type ServerFrame, type WireError } from "../core/frames.js";
/** The names of the transports, best first. */
export type TransportName = "websocket" | "sse" | "poll";
/** What a transport reports of its link. After `lost` it reports nothing more. */
export interface LinkEvents {
    /**
     * A frame came back: the path is good. Frames can be sent, of which the first must be `connect`. Never called before
     * the transport has returned its link.
     */
    open(): void;
    /** Frames arrived together. */
    frames(frames: ServerFrame[]): void;
    /** The link failed; `error` is the server's own word for it, if it gave one. */
    lost(error?: WireError): void;
}
/** What carries a session's frames now. */
export interface Link {
    /** Sends frames in order, soon. At most 64 frames, each at most `MAX_FRAME_BYTES`. */
    send(frames: ClientFrame[]): void;
    /**
     * Ends the link and everything it has under way; a `disconnect` frame sent before still goes out. No event follows.
     */
    close(): void;
}
/**
 * How far the bodies of a session's `POST /bus/send` came. It outlives a link, since the server counts them per
 * session.
 */
export interface SendState {
    session?: string;
    /** The number of the last body. */
    seq?: number;
    /** No answer came for the last body: the server may or may not have it. */
    unanswered?: boolean;
}
/** The surroundings of a link. */
export interface LinkContext {
    /** The base URL, without a slash at its end. */
    readonly url: string;
    readonly clock: Clock;
    readonly fetch: typeof fetch;
    readonly WebSocket: typeof WebSocket | undefined;
    /** Whether requests carry cookies; the platform's default if it is undefined. */
    readonly credentials?: RequestCredentials | undefined;
    /**
     * Most bytes of a poll's answer, once longer ones were cut on their way; the server's own bound if it is undefined.
     */
    max?: number;
    /** A request was answered by something on the way, and will be again. */
    refused(id: number, error: WireError): void;
    readonly random: () => number;
    /** The token of the connect, if there is one. */
    token(): string | undefined;
    /** The number of counted frames received, to say in a poll; undefined while none may be said. */
    received(): number | undefined;
    /** How far the session's `POST /bus/send` bodies came, over all of its links. */
    readonly sends: SendState;
}
/** What proves a path, before there is a session: it is answered with a `pong`. */
export declare const PROVE = "[{\"type\":\"ping\"}]";
/** Opens a link, and proves it. One seam for all transports. */
export type Transport = (context: LinkContext, events: LinkEvents) => Link;
/** The number of bytes of `text` in UTF-8. */
export declare const byteLength: (text: string) => number;
/** The first of the waiting encoded frames that fit into one body, taken off the list. */
export declare function takeBatch(waiting: string[], maxFrames?: number): string[];
/** The frames in what one message, event or answer carries: one, or an array of them. Throws on anything else. */
export declare function toFrames(value: unknown): ServerFrame[];
