import type { Carrier, CarrierHost } from "../connection.js";
import type { MessageBusOptions, Status } from "../types.js";
import type { ClientFrame, WireError } from "../core/frames.js";
import type { TransportName } from "../transports/transport.js";
import type { Platform } from "./platform.js";
/** Who shares. */
export interface Group {
    /** Finds out who the user is. Fails where `getToken` does. */
    identify(): Promise<void>;
    /** The name by which the tabs of one URL and identity find each other. */
    name(): Promise<string>;
    /** Finds out anew who the user is. Fails where `getToken` does. */
    again(): Promise<void>;
    /** What to connect with for this identity; `another` is told where `getToken` gives a token of another, `failed` where it fails. */
    credentials(another: () => void, failed: () => void): Pick<MessageBusOptions, "token" | "getToken">;
}
/**
 * A tab among those of one browser that share a connection. Its session is linked to the leader's relay, which may be its own; who leads is
 * settled by a lock, whether the leader lives by asking it. A link that misses a post, or its leader, is made anew: then the session
 * subscribes from its cursors, as after any reconnect.
 */
export declare class Tab implements Carrier {
    private readonly host;
    private readonly platform;
    private readonly group;
    status: Status;
    private readonly me;
    private names;
    /** The group's, once it is in one. */
    private name;
    private channel;
    private election;
    private relay;
    private leader;
    /** The highest term heard of; that of a tab that leads began then, by its clock. */
    private term;
    private said;
    /** What waits to be said at the end of this turn, so that frames that came together go together. */
    private queue;
    private link;
    private lastLink;
    /** Posts over this link. */
    private sent;
    private held;
    private heardAt;
    private spokeAt;
    /** How often the leader was asked whether it lives since it was last heard. */
    private asked;
    /** The lowest rank of those that asked since this tab last did, its own among them. */
    private lowest;
    private timer;
    private refusals;
    private retryTimer;
    private stopWatching;
    constructor(host: CarrierHost, platform: Platform, group: Group);
    start(): void;
    wake(): void;
    /** The page is left or frozen: somebody else has to lead. */
    leave(): void;
    release(): void;
    /** Whoever the user is now, to the tabs of that one. Where it is the same, the one that leads tells the server. */
    refresh(): Promise<void>;
    cut(hold?: boolean): void;
    use(names: readonly TransportName[]): void;
    close(error: WireError | null): void;
    /** Carries frames of this tab's session to the leader. */
    send(link: number, frames: ClientFrame[]): void;
    connected(): void;
    fail(): void;
    /** Enters the group: queues for the lock, and asks who leads. */
    private join;
    /** It should be in the group, and is not. */
    private get absent();
    /** There is nothing to share with here. */
    private alone;
    private lead;
    /** The connection to the server is over: taken over by the session of a newer leader, or for good. */
    private ended;
    /** The user is another one now: goes to the tabs of that one. */
    private move;
    /** This tab gets no token. Another may, once the connection needs one; not at once, where none of them gets one. */
    private handOver;
    /** Goes back into the queue: another tab leads. */
    private stepDown;
    private resign;
    /** Leaves the group. */
    private quit;
    private post;
    private stamp;
    private say;
    private flush;
    private hear;
    private onLead;
    private onDown;
    private onBye;
    /** Whether a post follows the last one. One that was missed may have been for this tab: then it links anew. */
    private inOrder;
    private heard;
    /** Connects this tab's session to the leader. */
    private relink;
    private unlink;
    /** Asks whether the leader lives, which it has to show in time. */
    private ask;
    /** Timers of tabs that are seen run on time: the better leaders. */
    private get rank();
    private arm;
    private tick;
    /** Tells the bus how it stands, where that has changed. */
    private show;
}
