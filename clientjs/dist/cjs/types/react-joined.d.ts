import type { MessageBus, OnGap, OnMessage } from "tidings";
import { type OnEvent } from "tidings/joined";
/** Options of {@link useJoined}. */
export interface UseJoinedOptions {
    /** Called if messages may be missing, before the next one. Default: the bus's. */
    readonly onGap?: OnGap | undefined;
    /** Default: that of {@link useBus}. */
    readonly bus?: MessageBus | undefined;
}
/**
 * Calls `onMessage` for each message of every channel that the server puts this client in, while the component is
 * mounted: `onJoined` of `tidings/joined` as a hook. A new `onMessage` on the next render takes over.
 */
export declare function useJoined<T = unknown>(onMessage: OnMessage<T>, options?: UseJoinedOptions): void;
/**
 * Calls `callback` for each custom event of that name (`POST /api/send`), or of any name if it is `null`, while the
 * component is mounted.
 * @param bus - default: that of {@link useBus}
 */
export declare function useServerEvent<T = unknown>(name: string | null, callback: OnEvent<T>, bus?: MessageBus): void;
