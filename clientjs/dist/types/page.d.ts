/** What the page can say of itself to its bus. */
export interface PageEvents {
    /** The network may be back, or somebody looks again: do not trust what is open. */
    wake(): void;
    /** The page is left; it may come back out of the back/forward cache. */
    hide(): void;
    /** The page came back out of the back/forward cache. */
    show(): void;
}
/** Listens to the page's own events, where there is a page. Gives the way to stop. */
export declare function watchPage({ wake, hide, show }: PageEvents): () => void;
