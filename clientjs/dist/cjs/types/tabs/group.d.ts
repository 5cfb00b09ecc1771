import type { MessageBusOptions } from "../types.js";
/** The tabs that share a connection: those of one URL and one identity. */
export interface Group {
    /** Finds out who the user is. Fails if `getToken` does. */
    identify(): Promise<void>;
    /** The name by which the tabs of one URL and identity find each other. */
    name(): Promise<string>;
    /** Finds out anew who the user is. Fails if `getToken` does. */
    again(): Promise<void>;
    /**
     * What to connect with for this identity; `another` is called if `getToken` returns a token of another identity,
     * `failed` if it fails.
     */
    credentials(another: () => void, failed: () => void): Pick<MessageBusOptions, "token" | "getToken">;
}
