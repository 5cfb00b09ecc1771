import { type ReactNode } from "react";
import { type MessageBus, type MessageBusOptions, type Status } from "tidings";
/** Properties of {@link MessageBusProvider}: a bus of your own, or the options for one. */
export type MessageBusProviderProps = {
    readonly children?: ReactNode;
} & ({
    readonly bus: MessageBus;
} | ({
    readonly bus?: undefined;
} & MessageBusOptions));
/**
 * Provides the components below it with a bus. Without a provider they share the page's bus at `/bus`. A `bus` stays
 * its owner's to close. A bus made from options lives as long as the provider; another `url`, `token` or `tabs` makes
 * another one, other options count for the first only.
 */
export declare function MessageBusProvider({ children, bus, ...options }: MessageBusProviderProps): ReactNode;
/** The bus of the nearest {@link MessageBusProvider}, else the page's shared bus at `/bus`. */
export declare function useBus(): MessageBus;
/**
 * How the bus stands; renders again when that changes. `idle` on a server.
 * @param bus - default: that of {@link useBus}
 */
export declare function useBusStatus(bus?: MessageBus): Status;
/** The bus that the older form of a hook was given as its context, if it is one. */
export declare const asBus: (context: unknown) => MessageBus | undefined;
