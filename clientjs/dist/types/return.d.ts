/** Calls `back` when the page is looked at again, comes out of the back/forward cache, or has its network back. Gives the way to stop. */
export declare function watchReturn(back: () => void): () => void;
