import type { WireError } from "../core/frames.js";
import type { LinkContext } from "./transport.js";
/** One POST of a JSON body. Rejects as `fetch` does, when the network fails or `signal` aborts. */
export declare function post(context: LinkContext, path: string, body: string, signal?: AbortSignal): Promise<Response>;
/** The code of an answer that is not Tidings': of a proxy, a firewall, another server. */
export declare const FOREIGN = "foreign_answer";
/** Reads why a request failed: in the server's own words, or {@link FOREIGN}. Resolves to undefined if it did not. */
export declare function readError(response: Response): Promise<WireError | undefined>;
