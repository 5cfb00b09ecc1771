import { useEffect } from "react";
import type { MessageBus, OnGap, OnMessage } from "tidings";
import { onEvent, onJoined, type OnEvent } from "tidings/joined";
import { useBus } from "tidings/react";
import { useLatest } from "./react/latest.js";

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
export function useJoined<T = unknown>(onMessage: OnMessage<T>, options: UseJoinedOptions = {}): void {
  const nearest = useBus();
  const bus = options.bus ?? nearest;
  const { onGap } = options;
  const latest = useLatest({ onMessage, onGap });
  useEffect(
    () => onJoined<T>(bus, (...message) => latest.current.onMessage(...message), onGap && { onGap: (gap) => latest.current.onGap?.(gap) }),
    [bus, !onGap],
  );
}

/**
 * Calls `callback` for each custom event of that name (`POST /api/send`), or of any name if it is `null`, while the
 * component is mounted.
 * @param bus - default: that of {@link useBus}
 */
export function useServerEvent<T = unknown>(name: string | null, callback: OnEvent<T>, bus?: MessageBus): void {
  const nearest = useBus();
  const own = bus ?? nearest;
  const latest = useLatest(callback);
  useEffect(() => onEvent<T>(own, name, (...event) => latest.current(...event)), [own, name]);
}
