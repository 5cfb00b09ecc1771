import type { Carrier } from "../link/carrier.js";
import type { CarrierHost } from "../link/connection.js";
import type { Status } from "../types.js";
import type { ClientFrame, WireError } from "../core/frames.js";
import type { TransportName } from "../transports/transport.js";
import type { Group } from "./group.js";
import type { Platform } from "./platform.js";
/**
 * A tab among those of one browser that share a connection. Its session is linked to the leader's relay, which may be
 * its own; who leads is settled by a lock, whether the leader lives by asking it. A link that misses a post, or its
 * leader, is made anew: then the session subscribes from its cursors, as after any reconnect.
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
    private readonly voice;
    private link;
    private lastLink;
    /** Posts over this link. */
    private sent;
    private away;
    private readonly watch;
    /** Until a leader looks at its relay again. */
    private beatTimer;
    /** When this tab last began to join the group. */
    private joinedAt;
    private refusals;
    private retryTimer;
    private stopWatching;
    constructor(host: CarrierHost, platform: Platform, group: Group);
    start(): void;
    wake(): void;
    /** The page is left or frozen: somebody else has to lead. */
    leave(): void;
    release(): void;
    /**
     * Finds out who the user is now. Another one: goes to the tabs of that user. The same one: the leader reports the new
     * token to the server.
     */
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
    /** Makes the relay look again, from time to time. */
    private beat;
    /** The connection to the server is over: taken over by the session of a newer leader, or for good. */
    private ended;
    /** The user is another one now: goes to the tabs of that one. */
    private move;
    /** This tab gets no token. Another may, once the connection needs one; not at once, if none of them gets one. */
    private handOver;
    /** Goes back into the queue: another tab leads. */
    private stepDown;
    private resign;
    /** Leaves the group. */
    private quit;
    private post;
    private hear;
    private onLead;
    private onDown;
    private onBye;
    /** Whether a post follows the last one. One that was missed may have been for this tab: then it links anew. */
    private inOrder;
    /** Connects this tab's session to the leader. */
    private relink;
    private unlink;
    /** Asks whether the leader lives, unless this tab leads. */
    private ask;
    /** Reports to the bus how it stands, if that has changed. */
    private show;
}
