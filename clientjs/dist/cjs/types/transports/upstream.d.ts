import type { ClientFrame } from "../core/frames.js";
import { type LinkContext, type LinkEvents } from "./transport.js";
/** The frames of a link whose downstream is SSE or poll. */
export interface Upstream {
    /** Names the session, once `connected` came: what waits goes out. */
    start(session: string): void;
    push(frames: ClientFrame[]): void;
}
/**
 * Carries frames upstream by numbered bodies, one in flight at a time, each repeated until it is answered or `signal`
 * aborts.
 */
export declare function createUpstream(context: LinkContext, signal: AbortSignal, lost: LinkEvents["lost"]): Upstream;
