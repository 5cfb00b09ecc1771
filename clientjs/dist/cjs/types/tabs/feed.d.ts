import type { CursorGap } from "../core/cursor.js";
import type { MessageFrame, Position } from "../core/frames.js";
import type { Subscription } from "../core/session.js";
/** A tab's `subscribe` that has no answer yet. */
export interface Waiting {
    readonly tab: string;
    readonly link: number;
    readonly id: number;
    readonly since: Position | undefined;
    /** Time enough has passed for messages on their way to reach `since`. */
    late?: boolean;
    /** What the server said of `since`. */
    gap?: CursorGap;
}
/** One subscription at the server, and the tabs that hear of it. */
export declare class Feed {
    sub: Subscription;
    readonly members: Set<string>;
    waiting: Waiting[];
    /** The server was asked to begin again at an older position, for one tab's sake. */
    rewound: boolean;
    /** What tabs asked to hear of who comes and goes. */
    users: unknown;
    /** The position before the first kept message. */
    private start;
    private ring;
    /** How frames name it; undefined until the server named it. */
    room: string | undefined;
    constructor(sub: Subscription);
    /** Up to here the tabs were told. */
    get end(): Position | undefined;
    /** The subscription stands at `at`. */
    stands(at: Position): void;
    /** Keeps a message, and returns it as the tabs should have it: following the last one that they had. */
    keep(frame: MessageFrame): MessageFrame;
    /** The messages after `since`, if they are all at hand. */
    after(since: Position): MessageFrame[] | undefined;
    /** Messages on their way may yet reach `since`. */
    ahead(since: Position): boolean;
}
