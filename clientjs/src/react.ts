import {
  createContext,
  createElement,
  useContext,
  useEffect,
  useInsertionEffect,
  useMemo,
  useRef,
  useSyncExternalStore,
  type ReactNode,
} from "react";
import {
  createMessageBus,
  sharedMessageBus,
  type MessageBus,
  type MessageBusOptions,
  type OnGap,
  type OnMessage,
  type Position,
  type Status,
  type TidingsError,
} from "tidings";

const BusContext = createContext<MessageBus | null>(null);
/** What a server renders: it opens nothing. */
const IDLE: Status = { state: "idle", transport: null, error: null };

/** Properties of {@link MessageBusProvider}: a bus of your own, or the options for one. */
export type MessageBusProviderProps = { readonly children?: ReactNode } & (
  | { readonly bus: MessageBus }
  | ({ readonly bus?: undefined } & MessageBusOptions)
);

/**
 * Gives the components below it a bus. Without a provider they share the page's bus at `/bus`.
 * A `bus` stays its owner's to close. A bus made from options lives as long as the provider; another `url` or `token` makes
 * another one, other options count for the first only.
 */
export function MessageBusProvider({ children, bus, ...options }: MessageBusProviderProps): ReactNode {
  const { url, token } = options as MessageBusOptions;
  const own = useMemo(() => (bus ? null : createMessageBus(options)), [bus, url, token]);
  // Insertion effects end only with the component: StrictMode and hidden trees do not close the bus.
  useInsertionEffect(() => () => own?.close(), [own]);
  return createElement(BusContext.Provider, { value: bus ?? own }, children);
}

/** The bus of the nearest {@link MessageBusProvider}, else the page's shared bus at `/bus`. */
export function useBus(): MessageBus {
  const bus = useContext(BusContext);
  return bus ?? sharedMessageBus();
}

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
export function useMessageBus<T = unknown>(
  channel: string | null | undefined,
  onMessage: OnMessage<T>,
  options?: UseMessageBusOptions,
): void;
/**
 * The older form.
 * @param context - a bus, or anything else: then the bus is that of {@link useBus}
 */
export function useMessageBus<T = unknown>(
  context: unknown,
  channel: string | null | undefined,
  onMessage: OnMessage<T>,
  options?: UseMessageBusOptions,
): void;
export function useMessageBus(...args: unknown[]): void {
  const older = typeof args[1] !== "function";
  const [channel, onMessage, options = {}] = (older ? args.slice(1) : args) as [
    string | null | undefined,
    OnMessage,
    UseMessageBusOptions?,
  ];
  const nearest = useBus();
  const bus = options.bus ?? (older && isBus(args[0]) ? args[0] : nearest);
  const latest = useRef({ onMessage, ...options });
  useInsertionEffect(() => {
    latest.current = { onMessage, ...options };
  });
  const { onGap, onError } = options;
  useEffect(() => {
    if (channel == null) return;
    return bus.subscribe(channel, (...message) => latest.current.onMessage(...message), {
      onSubscribed: (position) => latest.current.onSubscribed?.(position),
      // Without a handler the bus's default counts, so these cannot always be given.
      ...(onGap && { onGap: (gap) => latest.current.onGap?.(gap) }),
      ...(onError && { onError: (error) => latest.current.onError?.(error) }),
    });
  }, [bus, channel, !onGap, !onError]);
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

const isBus = (value: unknown): value is MessageBus =>
  typeof (value as Partial<MessageBus> | null | undefined)?.subscribe === "function";
