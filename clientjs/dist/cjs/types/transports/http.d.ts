import type { ConnectedFrame } from "../core/frames.js";
import { type Link, type LinkContext, type LinkEvents } from "./transport.js";
/**
 * What an HTTP transport makes of one response: hands on what its events, or its answer, hold. The link ends if it
 * throws.
 */
export type Read = (response: Response, take: (value: unknown) => void) => Promise<void>;
/**
 * A link whose downstream is a response to a POST to `path`, or if `again` says what to ask next a row of them;
 * upstream by `POST /bus/send`.
 */
export declare function httpLink(context: LinkContext, events: LinkEvents, path: string, read: Read, again?: (connected: ConnectedFrame) => Promise<string>): Link;
