import { type Link, type LinkContext, type LinkEvents } from "./transport.js";
/** Long-polling: one request is held until a frame waits; upstream by `POST /bus/send`. */
export declare function poll(context: LinkContext, events: LinkEvents): Link;
