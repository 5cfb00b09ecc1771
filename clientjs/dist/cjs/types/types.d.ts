import type { Clock } from "./util/clock.js";
import type { ClientFrame, GapReason, Position, ReplyFrame, ServerFrame } from "./core/frames.js";
import type { TidingsError } from "./core/errors.js";
import type { TransportName } from "./transports/transport.js";
/**
 * One message, whole. The callbacks get its `data` as their first argument. It is its own position: `since: message`
 * goes on behind it.
 */
export interface Message<T = unknown> extends Position {
    readonly channel: string;
    /** The payload as it was published. The same object goes to every callback of the page: do not change it. */
    readonly data: T;
    /** The same on each retry of a publish with an idempotency key. */
    readonly id: string;
    /** When the broker numbered it, in Unix milliseconds. */
    readonly time: number;
    /** The publisher's own name for the kind of message. */
    readonly event?: string;
    /** Wait a random part of so many ms before you refetch because of this message; `useBusQuery` does. */
    readonly spread?: number;
    /**
     * The publish's W3C trace context (`traceparent`), if it had one: a span of what the message causes goes on with it.
     */
    readonly trace?: string;
    /** What the publisher says beside the payload, such as who sent it: up to 4 KiB of JSON. */
    readonly meta?: Readonly<Record<string, unknown>>;
    /** The message is a change of a document in the server's store: the change's number there, from 1. */
    readonly change?: number;
    /** Of a change: the store's transaction, if it is not `change`. */
    readonly txn?: number;
    /** Of an update: the paths that differ, such as `a` and `b.c`. Absent if they are more than 100. */
    readonly changed?: readonly string[];
    /**
     * With a filter: the filter matched before this change and does not now. Without one: the document was removed. `data`
     * is its last content.
     */
    readonly scope?: "out";
    /** Not kept and not recovered, without a place in the order: it has no offset, and is no `since`. */
    readonly volatile?: boolean;
}
/** Messages of a channel may be missing: fetch what the messages were about. */
export interface Gap {
    readonly channel: string;
    readonly reason: GapReason;
    /** The last position seen; null before the first. */
    readonly last: Position | null;
    /** The subscription goes on behind this one. */
    readonly from: Position;
}
/**
 * Called for each message with its payload, the channel, and the whole message. What it throws is reported and breaks
 * nothing.
 */
export type OnMessage<T = unknown> = (payload: T, channel: string, message: Message<T>) => void;
/** Called if messages may be missing, before the next message. */
export type OnGap = (gap: Gap) => void;
/** Takes back what was asked for. Calling it again does nothing. */
export type Unsubscribe = () => void;
/** Options of {@link MessageBus.subscribe}. */
export interface SubscribeOptions {
    /**
     * Hears only the messages that match this filter, at most 8 KiB of JSON: docs/filters.md has the language. The server
     * decides; each filter is a subscription of its own.
     */
    readonly filter?: object | undefined;
    /** Which changes of documents are heard: those that match now (`in`), those that did before (`out`). Default `all`. */
    readonly scope?: Scope | undefined;
    /** Default: the bus's `onGap`; without that either, a `console.warn`. */
    readonly onGap?: OnGap | undefined;
    /**
     * Starts after this position instead of at the channel's top. If the page is subscribed to the channel already, what
     * lies between is not recovered but told as a gap.
     */
    readonly since?: Position | undefined;
    /** The subscription is live from `position`; again after each time that the server had forgotten it. */
    readonly onSubscribed?: ((position: Position) => void) | undefined;
    /**
     * The server refused or ended the subscription. If rules ended (`forbidden`) what was heard before, it is asked for again
     * at times, and `onSubscribed` is called when they allow it again. Default: `console.error`.
     */
    readonly onError?: ((error: TidingsError) => void) | undefined;
}
/** Which messages of a filter are heard; `none`: positions alone. */
export type Scope = "all" | "in" | "out" | "none";
/** Options of {@link MessageBus.publish}. */
export interface PublishOptions {
    /** The publisher's own name for the kind of message, at most 64 bytes. */
    readonly event?: string | undefined;
    /** Makes publishes of one key one message, inside 5 minutes; at most 128 bytes. Default: a new one per call. */
    readonly idempotencyKey?: string | undefined;
    /** Each receiver that refetches because of it waits a random part of so many ms first: 1 to 300,000. */
    readonly spread?: number | undefined;
    /** Says something beside the payload: each callback finds it in its message. At most 4 KiB of JSON. */
    readonly meta?: Readonly<Record<string, unknown>> | undefined;
    /**
     * Leaves this bus out, since it knows its own words: its own subscriptions do not hear the message, also after a
     * reconnect that resumes. If tabs share a connection the other tabs hear it.
     */
    readonly exclude?: true | undefined;
}
/** Options of {@link MessageBus.history}. */
export interface HistoryOptions {
    /** Only what came after. Default: the last messages. */
    readonly since?: Position | undefined;
    /** 1 to 256 messages. Default: the server's. */
    readonly limit?: number | undefined;
}
/** What a channel's history holds. */
export interface History<T = unknown> {
    readonly messages: readonly Message<T>[];
    /** The channel's top. */
    readonly position: Position;
    /** Nothing is missing between `since` and the messages. */
    readonly complete: boolean;
}
/** `idle` before the first use, `waiting` for the next attempt, `closed` for good. */
export type State = "idle" | "connecting" | "connected" | "waiting" | "closed";
/** Why a better transport does not carry the frames: SPEC.md section 5. */
export type FallbackReason = "refused" | "unproven" | "unstable" | "remembered" | "chosen";
/** How the bus stands. A new object for each change. */
export interface Status {
    readonly state: State;
    /** What carries the frames now; null unless connected. */
    readonly transport: TransportName | null;
    /** Why it is waiting or closed; null if nothing failed. */
    readonly error: TidingsError | null;
    /** Why no better transport carries them; absent if there is none, and unless connected. */
    readonly fallback?: FallbackReason;
    /**
     * Whether this tab's connection is that of all tabs, or it uses that of another. Absent: it has one of its own, for
     * itself alone.
     */
    readonly tab?: "leader" | "follower";
}
/** A page's connection to Tidings. Made by `createMessageBus`; opened by its first use. */
export interface MessageBus {
    /**
     * Calls `onMessage` for each message of `channel` from now on, in order, none twice, none missing without a gap. Any
     * number of callbacks of one channel are one subscription at the server.
     */
    subscribe<T = unknown>(channel: string, onMessage: OnMessage<T>, options?: SubscribeOptions): Unsubscribe;
    /**
     * Publishes `data`, any JSON value of at most 64 KiB with its envelope, and resolves to its position once the broker
     * has it. It waits for a connection and is repeated with the same key until it is answered. Rejects with a {@link
     * TidingsError}: `timeout` (the outcome is unknown), `too_large`, `bad_channel`, `closed`, or what the server says
     * (`forbidden`, `rate_limited` …); with a `TypeError` or `SyntaxError` if `data` is no JSON value.
     */
    publish(channel: string, data: unknown, options?: PublishOptions): Promise<Position>;
    /** The channel's kept messages, oldest first. Rejects as {@link MessageBus.publish} does. */
    history<T = unknown>(channel: string, options?: HistoryOptions): Promise<History<T>>;
    /**
     * Sends a frame of SPEC.md section 6 that wants an answer, and resolves to the `reply`. It waits for a connection and
     * is repeated until it is answered. Rejects as {@link MessageBus.publish} does. What presence, calls and the like are
     * made of.
     */
    request(frame: ClientFrame): Promise<ReplyFrame>;
    /**
     * Calls `listener` for each frame that belongs to no subscription or request of the bus itself: `joined`, `left`,
     * `event`, `subscribed` by the server, … At once it is told of the subscriptions that the server made before.
     */
    onFrame(listener: (frame: ServerFrame) => void): Unsubscribe;
    /** The base of the server's endpoints, as it was given. */
    readonly url: string;
    /** How the bus stands now; a new object for each change. */
    readonly status: Status;
    /** Calls `listener` at each change of status. */
    onStatus(listener: (status: Status) => void): Unsubscribe;
    /**
     * Asks `getToken` who this is now, and reports it to the server on the connection that stands: after a sign-in, a
     * sign-out, or other rights. Resolves when it was told: what is asked for from then on is judged by the new token.
     * Rejects as `getToken` does. A token of another user closes the bus (`forbidden`): sign out first.
     */
    refresh(): Promise<void>;
    /** Goes over to these transports, best first; nothing is lost on the way. */
    use(transports: readonly TransportName[]): void;
    /** Takes leave of the server, ends every subscription and rejects what has no answer. A closed bus stays closed. */
    close(): void;
    /** Ways to break the connection, for demos and tests. */
    readonly debug: BusDebug;
}
/** Breaks and heals a bus's connection. */
export interface BusDebug {
    /** Drops the connection as if the network had failed; it comes back by itself. */
    cut(): void;
    /** Drops the connection and stays offline until {@link BusDebug.release}. */
    hold(): void;
    /** Ends {@link BusDebug.hold}: connects at once. */
    release(): void;
}
/** A token, or that nobody is signed in. */
export type GivenToken = string | null | undefined;
/** Options of `createMessageBus`. */
export interface MessageBusOptions {
    /** The base of the server's endpoints. Default `/bus`; a whole URL if there is no page. */
    readonly url?: string | undefined;
    /** Who this is, at most 8 KiB. Goes in the body and in `Authorization`, never in a URL. */
    readonly token?: string | undefined;
    /**
     * Asked for a token before the first connect if there is no `token`; then again when four fifths of its time are
     * over, before a reconnect after sleep, when the server no longer takes it, and by {@link MessageBus.refresh}.
     * `null`: nobody is signed in. If tabs share a connection one of them asks for all. A fresh token that is refused
     * closes the bus; a promise that rejects is asked for again later.
     */
    readonly getToken?: (() => GivenToken | Promise<GivenToken>) | undefined;
    /** The transports to try, best first. Default `["websocket", "sse", "poll"]`. */
    readonly transports?: readonly TransportName[] | undefined;
    /** Called for a gap of a subscription that has no `onGap` of its own. Default: `console.warn`. */
    readonly onGap?: OnGap | undefined;
    /**
     * Whether the tabs of this browser share one connection. Default `true`: those of the same origin, `url` and identity
     * do. The identity is what the token claims, or the string that is given here; give one if cookies say who the user
     * is. `false`: a connection for this tab alone, as also if the browser has no Web Locks (plain http) or no
     * BroadcastChannel.
     */
    readonly tabs?: boolean | string | undefined;
    /**
     * The signed id by which the application that rendered this page knows it, `C~K~S` (SPEC.md section 7): what its
     * backend subscribes it to, it is subscribed to. Such a page has a connection of its own.
     */
    readonly connectionId?: string | undefined;
    /** How long a publish or history may go without an answer, in ms. Default 30,000. */
    readonly timeout?: number | undefined;
    /**
     * Whether requests carry cookies to another origin: `"include"` if the server knows users by cookies and its
     * `origins` list this page. A WebSocket always carries them. Default: the platform's, same origin only.
     */
    readonly credentials?: RequestCredentials | undefined;
    /** Default: the platform's, if it has one. */
    readonly WebSocket?: typeof WebSocket | undefined;
    /** Default: the platform's. */
    readonly fetch?: typeof fetch | undefined;
    /** Default: the machine's. For tests. */
    readonly clock?: Clock | undefined;
    /** From 0 to below 1. Default `Math.random`. For tests. */
    readonly random?: (() => number) | undefined;
}
