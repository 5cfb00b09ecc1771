import type { Connection, ConnectionPort } from "../link/connection.js";
import { type ClientFrame, type WireError } from "../core/frames.js";
import type { Said, Standing } from "./posts.js";
/** What a relay needs. */
export interface RelayConfig {
    /** The leader's own tab. */
    readonly me: string;
    now(): number;
    /** Makes the connection to the server. */
    own(port: ConnectionPort): Connection;
    /** The session of the leader before, which ends; empty for none. */
    fence: string;
    /** Sends something to the tabs, in order. */
    say(said: Said): void;
    /**
     * Calls back in a while that grows each time: the server refused something for the moment, or a message stays away.
     */
    later(callback: () => void): void;
    /** The connection to the server is over for good. */
    ended(error: WireError | null): void;
}
/**
 * The leader's side: one connection to the server for all tabs, its own tab among them. To each tab's session it looks
 * like a server whose sessions do not resume; it relays frames as they come and answers a `subscribe` by what it has
 * kept or by asking the server anew. Its own subscriptions check continuity once for all; each tab's cursor does it
 * again.
 */
export declare class Relay {
    private readonly config;
    readonly connection: Connection;
    private readonly members;
    /** By {@link keyOf}. */
    private readonly feeds;
    /** What tabs asked the server, and which of them. */
    private readonly asked;
    /** What began the subscriptions that the server made, by channel. */
    private readonly joined;
    private pulsed;
    private session;
    constructor(config: RelayConfig);
    /** Opens the connection, and announces to the tabs who leads. */
    start(): void;
    private onStatus;
    /** Whether other tabs are there. */
    get others(): boolean;
    announce(): void;
    standing(): Standing;
    close(): void;
    /** A tab asks who leads, and believes to have a link, over which it sent `n` posts. */
    who(tab: string, link: number, n: number, wake: boolean): void;
    /** Takes frames of a tab's session: the `n`th post of its link. */
    hear(tab: string, link: number, n: number, frames: readonly ClientFrame[]): void;
    /** Whether everything came that a tab sent over its link; else it has to make a new one. */
    private known;
    /** Forgets tabs that are gone, and looks again at what waits. */
    tick(): void;
    private welcome;
    private drop;
    private frame;
    /** Asks the server for a tab, and passes the answer on under the tab's own `id`. */
    private ask;
    private join;
    private leave;
    /**
     * Answers the tabs that wait for a feed that is live: from where it stands, from what is kept, or from the server.
     */
    private settle;
    private admit;
    /** Asks the server for the messages after a tab's own position. The others hear them again, and drop them. */
    private rewind;
    private subscribe;
    private onOther;
    private feedOf;
    private onMessage;
    private onGap;
    private onSubscribed;
    private onEnded;
    /** Makes a tab connect anew, and subscribe from its own positions. */
    private lose;
    private to;
    private toAll;
}
