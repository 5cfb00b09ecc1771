/** What sharing takes from the browser. Tests give their own. */
export interface Platform {
    /** Throws where there are none: an insecure context, an old browser, Node. */
    readonly locks: Pick<LockManager, "request">;
    /** Opens the channel of a group. May throw. */
    open(name: string): Pick<BroadcastChannel, "postMessage" | "close" | "onmessage">;
    /** A whole URL. */
    resolve(url: string): string;
    digest(text: string): Promise<string>;
    /** A name that nobody else has. */
    name(): string;
    hidden(): boolean;
    /** Calls back when the browser is about to freeze the page, and when it goes on. Gives the way to stop. */
    watch(freeze: () => void, resume: () => void): () => void;
}
/** The browser's own. Throws where it is none. */
export declare function browser(): Platform;
