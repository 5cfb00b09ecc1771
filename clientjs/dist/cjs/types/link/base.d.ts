/**
 * Returns the base of the server's endpoints as a whole URL without a slash at its end, as a page resolves it. A
 * WebSocket's URL is that of its server. Where there is no page, as on a server that renders, a path stays as it is:
 * nothing is opened there. Throws a `TypeError` if it cannot be a base: another scheme, a query, a fragment, or a host
 * and port without a scheme.
 */
export declare function baseOf(url: string): string;
