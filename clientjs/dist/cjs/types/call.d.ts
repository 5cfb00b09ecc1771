import type { MessageBus } from "tidings";
/** Options of {@link call}. */
export interface CallOptions {
    /**
     * The same for each attempt at the same thing: the application is then asked once, as far as the server, and after it
     * the application, can tell. Default: one for each call, which covers what the bus repeats by itself after a cut.
     */
    readonly idempotencyKey?: string;
}
/** What a route of the application answered. */
export interface RouteAnswer<T = unknown> {
    /** The HTTP status: 200, 404, … */
    readonly status: number;
    /** The body: JSON, or else a text. */
    readonly body: T;
}
/**
 * What to {@link call} `route` with: the request is carried on to a route of the application that the server's
 * `hooks.routes` offers, with the user and the connection known to it, and answered with a {@link RouteAnswer}. 404 and
 * the like are answers; it rejects with `forbidden` for a route that is not offered.
 */
export interface RouteRequest {
    /** Default `GET`. */
    readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
    /** `/visits/42`: without a query. */
    readonly path: string;
    /** The body, or for `GET` and `DELETE` an object that becomes the query. */
    readonly input?: unknown;
}
/**
 * Calls the application behind the server, over the connection that is there, and returns its answer. Rejects as
 * `MessageBus.request` does: with what the application said, `unsupported` if it takes no such calls,
 * `backend_unavailable` if it was not reached, `timeout` if it may have done what was asked.
 * @param method - what to call, as the application knows it
 * @param data - any JSON value
 */
export declare const call: <T = unknown>(bus: Pick<MessageBus, "request">, method: string, data?: unknown, options?: CallOptions) => Promise<T>;
