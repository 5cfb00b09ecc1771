import { type LinkContext, type Link, type LinkEvents } from "./transport.js";
/** A WebSocket: one text message carries an array of frames, both ways. */
export declare function websocket({ url, WebSocket }: LinkContext, events: LinkEvents): Link;
