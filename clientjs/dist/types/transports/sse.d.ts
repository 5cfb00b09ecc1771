import { type Link, type LinkContext, type LinkEvents } from "./transport.js";
/** A stream of server-sent events, read with `fetch` (no token in a URL); upstream by `POST /bus/send`. */
export declare function sse(context: LinkContext, events: LinkEvents): Link;
