import type { WireError } from "../core/frames.js";
import { type Link, type LinkContext, type LinkEvents } from "./transport.js";
/** One POST of a JSON body. Rejects as `fetch` does, when the network fails or `signal` aborts. */
export declare function post(context: LinkContext, path: string, body: string, signal?: AbortSignal): Promise<Response>;
/** The server's own word in an HTTP error; undefined where the answer is not Tidings' (a proxy's page). */
export declare function readError(response: Response): Promise<WireError | undefined>;
/** A downstream by HTTP, while its link lives. What it throws loses the link, as does its end. */
export type Downstream = (opening: string, 
/** One POST. Loses the link where its answer is an error. */
ask: (path: string, body: string) => Promise<Response>, 
/** Hands out what one event or answer holds. Gives the link's session: empty before `connected`. */
take: (value: unknown) => string) => Promise<void>;
/** A link whose downstream is `read`, from the opening frames on; upstream by `POST /bus/send`. */
export declare function httpLink(context: LinkContext, events: LinkEvents, read: Downstream): Link;
