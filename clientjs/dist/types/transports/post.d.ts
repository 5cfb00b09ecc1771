import type { WireError } from "../core/frames.js";
import type { LinkContext } from "./transport.js";
/** One POST of a JSON body. Rejects as `fetch` does, when the network fails or `signal` aborts. */
export declare function post(context: LinkContext, path: string, body: string, signal?: AbortSignal): Promise<Response>;
/**
 * Reads the server's own word out of an HTTP error. Resolves to undefined if the answer is not Tidings' (a proxy's
 * page).
 */
export declare function readError(response: Response): Promise<WireError | undefined>;
