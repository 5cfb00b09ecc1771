import { createContext, createElement, useContext, useInsertionEffect, useMemo, useSyncExternalStore, type ReactNode } from "react";
import { createMessageBus, sharedMessageBus, type MessageBus, type MessageBusOptions, type Status } from "tidings";

const BusContext = createContext<MessageBus | null>(null);
/** What a server renders: it opens nothing. */
const IDLE: Status = { state: "idle", transport: null, error: null };

/** Properties of {@link MessageBusProvider}: a bus of your own, or the options for one. */
export type MessageBusProviderProps = { readonly children?: ReactNode } & (
  | { readonly bus: MessageBus }
  | ({ readonly bus?: undefined } & MessageBusOptions)
);

/**
 * Provides the components below it with a bus. Without a provider they share the page's bus at `/bus`. A `bus` stays
 * its owner's to close. A bus made from options lives as long as the provider; another `url`, `token` or `tabs` makes
 * another one, other options count for the first only.
 */
export function MessageBusProvider({ children, bus, ...options }: MessageBusProviderProps): ReactNode {
  const { url, token, tabs } = options as MessageBusOptions;
  const own = useMemo(() => (bus ? null : createMessageBus(options)), [bus, url, token, tabs]);
  // Insertion effects end only with the component: StrictMode and hidden trees do not close the bus.
  useInsertionEffect(() => () => own?.close(), [own]);
  return createElement(BusContext.Provider, { value: bus ?? own }, children);
}

/** The bus of the nearest {@link MessageBusProvider}, else the page's shared bus at `/bus`. */
export function useBus(): MessageBus {
  const bus = useContext(BusContext);
  return bus ?? sharedMessageBus();
}

/**
 * How the bus stands; renders again when that changes. `idle` on a server.
 * @param bus - default: that of {@link useBus}
 */
export function useBusStatus(bus?: MessageBus): Status {
  const nearest = useBus();
  const { onStatus } = bus ?? nearest;
  return useSyncExternalStore(onStatus, () => (bus ?? nearest).status, () => IDLE);
}

/** The bus that the older form of a hook was given as its context, if it is one. */
export const asBus = (context: unknown): MessageBus | undefined =>
  typeof (context as Partial<MessageBus> | null | undefined)?.subscribe === "function" ? (context as MessageBus) : undefined;
