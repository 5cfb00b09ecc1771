/** What sharing takes from the browser. Tests bring their own. */
export interface Platform {
    /** Throws if there are none: an insecure context, an old browser, Node. */
    readonly locks: Pick<LockManager, "request">;
    /** Opens the channel of a group. May throw. */
    open(name: string): Pick<BroadcastChannel, "postMessage" | "close" | "onmessage">;
    /** A whole URL. */
    resolve(url: string): string;
    digest(text: string): Promise<string>;
    /** A name that nobody else has. */
    name(): string;
    hidden(): boolean;
    /** Calls back when the browser is about to freeze the page, and when it goes on. Returns a function that stops it. */
    watch(freeze: () => void, resume: () => void): () => void;
}
/** The browser's own. Throws if it is none. */
export declare function browser(): Platform;
