import { type WireError } from "./frames.js";
/**
 * Returns a failure in words. The server's own have them; those of the client are here, and only in builds for
 * development and the script tag: build.mjs leaves this file out of the others.
 */
export declare function explain(error: WireError): WireError;
