import type { MessageBus, OnGap, OnMessage, Unsubscribe } from "tidings";
type Bus = Pick<MessageBus, "onFrame" | "subscribe">;
/** Options of {@link onJoined}. */
export interface JoinedOptions {
    /** Called if messages may be missing, before the next one. Default: the bus's. */
    readonly onGap?: OnGap | undefined;
}
/**
 * Calls `onMessage` for each message of every channel that the server puts this client in: by who it is (`user/ann`,
 * `role/admin`), or because the application's backend said so. In order, none twice, none missing without a gap, from
 * the moment the server put it there, as of any subscription; of channels that the client was in before this was
 * called, from the call on.
 */
export declare function onJoined<T = unknown>(bus: Bus, onMessage: OnMessage<T>, { onGap }?: JoinedOptions): Unsubscribe;
/** Called with what a backend sent to this connection, this user or everybody (`POST /api/send`), and its name. */
export type OnEvent<T = unknown> = (data: T, event: string) => void;
/**
 * Calls `onEvent` for each custom event of that name, or of any name if it is `null`. Events have no place in a
 * channel: what is sent while this client is away for longer than the server's park, is lost to it.
 */
export declare function onEvent<T = unknown>(bus: Pick<MessageBus, "onFrame">, name: string | null, onEvent: OnEvent<T>): Unsubscribe;
/**
 * The signed connection id that the backend put into this page, `<meta name="tidings-connection-id" content="…">`: the
 * option `connectionId` of `createMessageBus`.
 */
export declare const pageConnectionId: () => string | undefined;
export {};
