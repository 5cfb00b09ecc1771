import type { Cursor, CursorGap } from "./cursor.js";
import type { ClientFrame, ConnectedFrame, MessageFrame, Position, ReplyFrame, ServerFrame, WireError } from "./frames.js";
/**
 * What a session asks of the program that it runs in. Called from within the session's methods, in order. It
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
    /** The server refused or ended `sub`; it is forgotten, unless it has `ended`. */
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
    /**
     * Asks for a call of `Session.retry` in a while. The server refused a subscription for the moment; or messages were
     * missing `holes` times, 2 or more, at the same place of a channel.
     */
    retryLater(holes?: number): void;
    /**
     * Asks for a call of `ask` after a while, longer with each try: rules ended a subscription, and refused it `tries`
     * times since. A call that is due already is enough.
     */
    askLater(tries: number): void;
}
/** One channel as the client holds it on the wire. */
export interface Subscription {
    readonly channel: string;
    readonly filter: unknown;
    /** Which messages of the filter it wants, if not all. */
    readonly scope: string | undefined;
    readonly cursor: Cursor;
    /** Named by the server if there is a filter or a scope. */
    room: string;
    /** The id of the `subscribe` that has no answer yet; 0 for none. */
    pending: number;
    /** Pings since that `subscribe`. */
    pings: number;
    /** Why the rules ended it, until `subscribed` was told again. */
    ended?: WireError | undefined;
    /** How often it was refused since. */
    tries: number;
    /** A `gap` answered it already. */
    told?: boolean;
    /** Refused for the moment. */
    refused?: boolean;
    /** Where the last message was missing, and how often in a row. */
    hole?: Position;
    holes?: number;
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
