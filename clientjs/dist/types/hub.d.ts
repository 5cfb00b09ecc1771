import { type Clock } from "./clock.js";
import type { WireError } from "./core/frames.js";
import type { Session, SessionPort } from "./core/session.js";
import type { OnGap, OnMessage, SubscribeOptions, Unsubscribe } from "./types.js";
interface HubConfig {
    readonly clock: Clock;
    readonly random: () => number;
    readonly onGap: OnGap | undefined;
    session(): Session;
}
/** The callbacks of a bus: many of one channel are one subscription. */
export interface Hub {
    /** The part of the session's port that concerns subscriptions. */
    readonly port: Pick<SessionPort, "message" | "gap" | "subscribed" | "ended" | "other" | "retryLater" | "fail">;
    subscribe(channel: string, onMessage: OnMessage, options: SubscribeOptions): Unsubscribe;
    /** Tells a caller that its subscription cannot be. */
    refuse(error: WireError, channel: string, options: SubscribeOptions): Unsubscribe;
    close(): void;
}
/** Makes an error that a callback threw visible, as an uncaught one. */
export declare const report: (error: unknown) => void;
/** Makes the callbacks' side of a bus. */
export declare function createHub({ clock, random, onGap, session }: HubConfig): Hub;
export {};
