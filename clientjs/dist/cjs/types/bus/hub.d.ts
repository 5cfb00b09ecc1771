import { type Clock } from "../util/clock.js";
import { type WireError } from "../core/frames.js";
import type { Session, SessionPort } from "../core/session.js";
import type { OnGap, OnMessage, SubscribeOptions, Unsubscribe } from "../types.js";
interface HubConfig {
    readonly clock: Clock;
    readonly random: () => number;
    readonly onGap: OnGap | undefined;
    session(): Pick<Session, "subscribe" | "unsubscribe" | "retry">;
}
/** The callbacks of a bus: many of one channel, filter and scope are one subscription. */
export interface Hub {
    /** The part of the connection's port that concerns subscriptions. */
    readonly port: Pick<SessionPort, "message" | "gap" | "subscribed" | "ended" | "retryLater">;
    subscribe(channel: string, onMessage: OnMessage, options: SubscribeOptions): Unsubscribe;
    /** Reports to a caller that its subscription cannot be. */
    refuse(error: WireError, channel: string, options: SubscribeOptions): Unsubscribe;
    /** Forgets every subscription; with an error each `onError` is told why. */
    close(error: WireError | null): void;
}
/** Makes the callbacks' side of a bus. */
export declare function createHub({ clock, random, session, onGap }: HubConfig): Hub;
export {};
