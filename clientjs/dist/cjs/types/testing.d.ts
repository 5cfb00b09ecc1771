import type { ClientFrame, GapReason, PresenceMember, ServerFrame } from "./core/frames.js";
import type { Message, MessageBus, OnMessage, PublishOptions, Status, SubscribeOptions } from "./types.js";
/** A subscription that a {@link FakeBus} holds. */
export interface FakeSubscription {
    readonly channel: string;
    readonly onMessage: OnMessage;
    readonly options: SubscribeOptions;
}
/** What was published on a {@link FakeBus}. */
export interface FakePublish {
    readonly channel: string;
    readonly data: unknown;
    readonly options: PublishOptions;
}
/** A bus without a server, moved by hand. Callbacks run within the call, and what they throw comes out of it. */
export interface FakeBus extends MessageBus {
    /** Every callback that is subscribed now, in the order they came. */
    readonly subscriptions: readonly FakeSubscription[];
    /** Everything that was published, by `publish` and by `message`. */
    readonly published: readonly FakePublish[];
    /** Delivers a message as if a backend had published it. Returns it with its position. */
    message(channel: string, data: unknown, fields?: Partial<Message>): Message;
    /** Reports a gap to the channel's subscribers. Default reason `history_expired`. */
    gap(channel: string, reason?: GapReason): void;
    /** Changes the status; the parts that are not given stay. */
    setStatus(status: Partial<Status>): void;
    /** Every frame of `request`, in order. */
    readonly requests: readonly ClientFrame[];
    /** Sets what the replies to `request` hold, until called again. Default: reply channels, documents, else nothing. */
    answerWith(answer: (frame: ClientFrame) => object): void;
    /** Hands a frame to the listeners of `onFrame`. */
    frame(frame: ServerFrame): void;
    /**
     * Writes documents of a collection by their ids; null removes one. The page finds them by `tidings/collection`, which
     * can write too, and its live lists hear of each change.
     */
    documents(collection: string, documents: Record<string, object | null>): void;
    /** Sets who is in a channel from now on, for those that ask and for those that watch. */
    presence(channel: string, members: PresenceMember[]): void;
    /** Makes each `publish`, `history` and `request` fail with `error`, until called with null. */
    failWith(error: Error | null): void;
}
/** Options of {@link createFakeBus}. */
export interface FakeBusOptions {
    /**
     * Reports whether a subscription or a search with this filter wants this payload. The fake evaluates none itself, but
     * for `ids`. Default: it wants all.
     */
    readonly matches?: ((filter: object, data: unknown) => boolean) | undefined;
}
/**
 * Makes a fake bus for the tests of components: give it to `MessageBusProvider`, or in place of your own bus. It is
 * `idle` until its first subscription, then `connected` over `websocket`; `debug` and `close` change the status as the
 * real ones do. Its reply channels are called `$reply/fake-1`, `-2`, …: play the job with `message("$reply/fake-1",
 * data, { event: "done" })`.
 */
export declare function createFakeBus({ matches }?: FakeBusOptions): FakeBus;
