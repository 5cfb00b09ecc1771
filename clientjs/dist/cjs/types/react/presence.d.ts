import type { MessageBus } from "tidings";
import { type Presence } from "tidings/presence";
/** Options of {@link usePresence}. */
export interface UsePresenceOptions {
    /** Default: that of {@link useBus}. */
    readonly bus?: MessageBus | undefined;
}
/**
 * Who is in `channel` while the component is mounted, itself included; renders again when somebody comes or goes. Those
 * who come and go together are told together, up to five times a second. A cut that is shorter than the server's `park`
 * (30 s) is no departure. The server's rules must allow it (`presence`), else `error` says `forbidden`. Nobody, and not
 * `known`, on a server and before the first answer.
 * @param channel - the channel's name, `null` for none yet
 */
export declare function usePresence(channel: string | null, options?: UsePresenceOptions): Presence;
