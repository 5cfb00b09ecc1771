/** A place in a channel: everything up to and with `offset` of this `epoch` is behind it. */
export interface Position {
    /** Changes whenever the channel's history may have been lost; at most 32 bytes. */
    epoch: string;
    /** 1 for the first message of a channel, 0 for a channel without one. */
    offset: number;
    /** Random per message, at most 16 bytes; empty at offset 0. */
    tag: string;
}
/** Why completeness could not be shown. `unrecovered` is said by the client itself: the server gave no other reason. */
export type GapReason = "history_expired" | "epoch_changed" | "position_unknown" | "feed_lost" | "rules_changed" | "unrecovered";
/** One message as it came over the wire. `data` is the payload as it was published. */
export interface MessageFrame {
    type: "message";
    channel: string;
    room?: string;
    offset: number;
    id: string;
    tag: string;
    data: unknown;
    time: number;
    prev?: number;
    event?: string;
    epoch?: string;
    volatile?: boolean;
    /** With a filter: it matches no longer. Of a change without one: the document was removed. */
    scope?: "out";
    /** The tab that leaves it out. */
    exclude?: string;
}
/** Why a request or connection failed; SPEC.md section 8 lists the codes. */
export interface WireError {
    code: string;
    message?: string;
    hint?: string;
    retry?: boolean;
    after?: number;
}
export interface ConnectedFrame {
    type: "connected";
    session: string;
    resumed: boolean;
    generation: number;
    heartbeat?: number;
    /** So long the token is good, in ms. */
    ttl?: number;
}
export interface SubscribedFrame extends Position {
    type: "subscribed";
    /** Of the `subscribe` that it answers; absent if the server made the subscription. */
    id?: number;
    channel: string;
    room?: string;
    recovered: boolean;
    by?: "server";
    /** Said by a tab that leads: the server made it some time ago, and its position is of then. */
    late?: boolean;
}
export interface GapFrame {
    type: "gap";
    id?: number;
    channel: string;
    room?: string;
    reason: GapReason;
    last?: Position;
    from: Position;
}
/**
 * Somebody who is in a channel: a user, over however many connections, or an anonymous connection by its public name.
 */
export interface PresenceMember {
    readonly user?: string;
    readonly connection?: string;
}
export interface ReplyFrame {
    type: "reply";
    id: number;
    [field: string]: unknown;
}
/** Any frame from server to client: SPEC.md section 6. */
export type ServerFrame = ConnectedFrame | SubscribedFrame | MessageFrame | GapFrame | ReplyFrame | ({
    type: "position";
    channel: string;
    room?: string;
} & Position) | ({
    type: "unsubscribed";
    channel: string;
    room?: string;
} & WireError) | ({
    type: "error";
    id?: number;
} & WireError) | {
    type: "disconnect";
    code: string;
    reason?: string;
    hint?: string;
    retry: boolean;
    after?: number;
} | {
    type: "pong";
    id?: number;
} | {
    type: "presence" | "joined" | "left";
    channel: string;
    room?: string;
    members?: PresenceMember[];
    count: number;
} | {
    type: "event";
    event: string;
    data: unknown;
};
/** Any frame from client to server. */
export interface ClientFrame {
    type: string;
    id?: number;
    channel?: string;
    [field: string]: unknown;
}
/** Returns a name for what a subscription asks: the same for the same channel, filter and scope. */
export declare const keyOf: ({ channel, filter, scope }: {
    channel: string;
    filter?: unknown;
    scope?: string | undefined;
}) => string;
/** The protocol version that this client speaks. */
export declare const VERSION = 1;
/** Most frames in one message or body. */
export declare const MAX_FRAMES = 64;
/** Most bytes of a message or body, envelope included. */
export declare const MAX_MESSAGE_BYTES = 65536;
/** Most bytes of one encoded frame: what a body may hold, less the envelope of `POST /bus/send`. */
export declare const MAX_FRAME_BYTES: number;
/** Ids remembered per channel. */
export declare const RECENT_IDS = 1024;
/** Counted frames after which the client reports what it received, if no heartbeat did. */
export declare const ACK_EVERY = 256;
/** At which ping a `subscribe` that has no answer is sent again. */
export declare const MAX_PINGS = 3;
/** Whether a server frame of this type counts for a session's resume. */
export declare const counted: (type: string) => boolean;
/**
 * Reports whether `name` may be a channel: SPEC.md section 3. The expression says, from left to right: maybe `$reply/`
 * first, for a reply channel; no segment that is empty, `.` or `..` (a slash or the start, at most two dots, a slash or
 * the end); 1 to 200 of the allowed characters.
 */
export declare const validChannel: (name: unknown) => name is string;
/** Whether a server frame has what continuity rests on. A frame of an unknown type is one that is left alone. */
export declare function validFrame(f: any): f is ServerFrame;
