/**
 * Listens to the page's own events, if there is a page. Returns a function that stops it.
 * @param wake - the network may be back, or somebody looks again: do not trust what is open
 * @param hide - the page is left; it may come back out of the back/forward cache
 * @param show - the page came back out of the back/forward cache
 */
export declare function watchPage(wake: () => void, hide: () => void, show: () => void): () => void;
/**
 * Calls `back` when somebody looks at the page again, when it comes out of the back/forward cache, and when the network
 * is back. Returns a function that stops it. It is for polling: unlike {@link watchPage} it does not care whether the
 * page has the focus.
 */
export declare function watchReturn(back: () => void): () => void;
