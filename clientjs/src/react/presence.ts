import { useMemo, useSyncExternalStore } from "react";
import type { MessageBus } from "tidings";
import { watchPresence, type LivePresence, type Presence } from "tidings/presence";
import { useBus } from "./bus.js";

/** Options of {@link usePresence}. */
export interface UsePresenceOptions {
  /** Default: that of {@link useBus}. */
  readonly bus?: MessageBus | undefined;
}

const NOBODY: Presence = { members: [], count: 0, known: false, error: null };
const NONE: LivePresence = { state: NOBODY, onChange: () => () => {} };

/**
 * Who is in `channel` while the component is mounted, itself included; renders again when somebody comes or goes. Those
 * who come and go together are told together, up to five times a second. A cut that is shorter than the server's `park`
 * (30 s) is no departure. The server's rules must allow it (`presence`), else `error` says `forbidden`. Nobody, and not
 * `known`, on a server and before the first answer.
 * @param channel - the channel's name, `null` for none yet
 */
export function usePresence(channel: string | null, options: UsePresenceOptions = {}): Presence {
  const nearest = useBus();
  const bus = options.bus ?? nearest;
  const live = useMemo(() => (channel === null ? NONE : watchPresence(bus, channel)), [bus, channel]);
  return useSyncExternalStore(live.onChange, () => live.state, () => NOBODY);
}
