import type { Link, LinkContext, LinkEvents } from "./transport.js";
/** Long-polling: one request is held until a frame waits. */
export declare function poll(context: LinkContext, events: LinkEvents): Link;
