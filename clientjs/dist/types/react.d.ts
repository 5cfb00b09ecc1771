import { type ReactNode } from "react";
import { type MessageBus, type MessageBusOptions, type OnGap, type OnMessage, type Position, type Status, type TidingsError } from "tidings";
/** Properties of {@link MessageBusProvider}: a bus of your own, or the options for one. */
export type MessageBusProviderProps = {
    readonly children?: ReactNode;
} & ({
    readonly bus: MessageBus;
} | ({
    readonly bus?: undefined;
} & MessageBusOptions));
/**
 * Gives the components below it a bus. Without a provider they share the page's bus at `/bus`.
 * A `bus` stays its owner's to close. A bus made from options lives as long as the provider; another `url` or `token` makes
 * another one, other options count for the first only.
 */
export declare function MessageBusProvider({ children, bus, ...options }: MessageBusProviderProps): ReactNode;
/** The bus of the nearest {@link MessageBusProvider}, else the page's shared bus at `/bus`. */
export declare function useBus(): MessageBus;
/** Options of {@link useMessageBus}. Only another `bus` resubscribes. */
export interface UseMessageBusOptions {
    /** Called where messages may be missing, before the next one: fetch anew. Default: the bus's. */
    readonly onGap?: OnGap | undefined;
    /** Messages are heard from `position` on; again after each time that the server had forgotten the subscription. What is fetched from here on misses nothing. */
    readonly onSubscribed?: ((position: Position) => void) | undefined;
    /** The server refused or ended the subscription. Default: `console.error`. */
    readonly onError?: ((error: TidingsError) => void) | undefined;
    /** Default: that of {@link useBus}. */
    readonly bus?: MessageBus | undefined;
}
/**
 * Calls `onMessage` for each message published to `channel` while the component is mounted.
 * Every hook on the page shares one connection, and all hooks of one channel share one subscription. A new `onMessage` on the
 * next render takes over without a resubscribe; a new `channel` or `bus` resubscribes. On a server nothing is opened.
 * @param channel - the channel's name, or `null` for none yet
 * @param onMessage - given the payload as it was published, the channel it came on, and the whole message
 */
export declare function useMessageBus<T = unknown>(channel: string | null | undefined, onMessage: OnMessage<T>, options?: UseMessageBusOptions): void;
/**
 * The older form.
 * @param context - a bus, or anything else: then the bus is that of {@link useBus}
 */
export declare function useMessageBus<T = unknown>(context: unknown, channel: string | null | undefined, onMessage: OnMessage<T>, options?: UseMessageBusOptions): void;
/**
 * How the bus stands; renders again when that changes. `idle` on a server.
 * @param bus - default: that of {@link useBus}
 */
export declare function useBusStatus(bus?: MessageBus): Status;
