/**
 * Listens to the page's own events, where there is a page. Gives the way to stop.
 * @param wake - the network may be back, or somebody looks again: do not trust what is open
 * @param hide - the page is left; it may come back out of the back/forward cache
 * @param show - the page came back out of the back/forward cache
 */
export declare function watchPage(wake: () => void, hide: () => void, show: () => void): () => void;
