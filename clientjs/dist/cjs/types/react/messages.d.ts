import type { MessageBus, OnGap, OnMessage, Position, SubscribeOptions, TidingsError } from "tidings";
import { type Channels } from "../util/channels.js";
/**
 * Options of {@link useMessageBus}. Only another `bus`, `filter` or `scope` resubscribes; a filter is another one if it
 * reads otherwise, so that an object made anew at each render is none.
 */
export interface UseMessageBusOptions extends Pick<SubscribeOptions, "filter" | "scope"> {
    /** Called if messages may be missing, before the next one: fetch anew. Default: the bus's. */
    readonly onGap?: OnGap | undefined;
    /**
     * Messages of `channel` are heard from `position` on; again after each time that the server had forgotten the
     * subscription. What is fetched from here on misses nothing.
     */
    readonly onSubscribed?: ((position: Position, channel: string) => void) | undefined;
    /** The server refused or ended the subscription. Default: `console.error`. */
    readonly onError?: ((error: TidingsError, channel: string) => void) | undefined;
    /** Default: that of {@link useBus}. */
    readonly bus?: MessageBus | undefined;
}
/**
 * Calls `onMessage` for each message published to `channel` while the component is mounted. Every hook on the page
 * shares one connection, and all hooks of one channel share one subscription. A new `onMessage` on the next render
 * takes over without a resubscribe; a new `channel` or `bus` resubscribes; of another list of channels only what
 * differs. On a server nothing is opened.
 * @param channel - the channel's name, `null` for none yet, or several; one that is there twice is heard once
 * @param onMessage - given the payload as it was published, the channel it came on, and the whole message
 */
export declare function useMessageBus<T = unknown>(channel: Channels, onMessage: OnMessage<T>, options?: UseMessageBusOptions): void;
/**
 * The older form.
 * @param context - a bus, or anything else: then the bus is that of {@link useBus}
 */
export declare function useMessageBus<T = unknown>(context: unknown, channel: Channels, onMessage: OnMessage<T>, options?: UseMessageBusOptions): void;
