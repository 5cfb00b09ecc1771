import type { ClientFrame } from "../core/frames.js";
import { type LinkContext, type LinkEvents } from "./transport.js";
/** How far the bodies of a session's `POST /bus/send` came. It outlives a link, since the server counts them per session. */
export interface SendState {
    session?: string;
    /** The number of the last body. */
    seq?: number;
    /** No answer came for the last body: the server may or may not have it. */
    unanswered?: boolean;
}
/** The frames of a link whose downstream is SSE or poll. */
export interface Upstream {
    /** Names the session, once `connected` came: what waits goes out. */
    start(session: string): void;
    push(frames: ClientFrame[]): void;
}
/** Carries frames upstream by numbered bodies, one in flight at a time, each repeated until it is answered or `signal` aborts. */
export declare function createUpstream(context: LinkContext, signal: AbortSignal, lost: LinkEvents["lost"]): Upstream;
