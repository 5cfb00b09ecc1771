import type { WireError } from "../core/frames.js";
import { type Link, type LinkContext, type LinkEvents } from "./transport.js";
/** One POST of a JSON body. Rejects as `fetch` does, when the network fails or `signal` aborts. */
export declare function post(context: LinkContext, path: string, body: string, signal?: AbortSignal): Promise<Response>;
/** The server's own word in an HTTP error; undefined where the answer is not Tidings' (a proxy's page). */
export declare function readError(response: Response): Promise<WireError | undefined>;
/** What an HTTP transport makes of one response: hands on what its events, or its answer, hold. The link ends where it throws. */
export type Read = (response: Response, take: (value: unknown) => void) => Promise<void>;
/**
 * A link whose downstream is a response to a POST to `path`, or where `again` says what to ask next a row of them; upstream by
 * `POST /bus/send`.
 */
export declare function httpLink(context: LinkContext, events: LinkEvents, path: string, read: Read, again?: (session: string) => Promise<string>): Link;
