import type { Link, LinkContext, LinkEvents } from "./transport.js";
/** A stream of server-sent events, read with `fetch` (no token in a URL). */
export declare function sse(context: LinkContext, events: LinkEvents): Link;
