/** Where the client's token comes from. */
export interface Tokens {
    /** The token to say now, where there is one. */
    current(): string | undefined;
    /** A token must be fetched before the next connect. */
    missing(): boolean;
    /** Fetches one. Rejects as `getToken` does. */
    fetch(): Promise<void>;
    /** The server took it. */
    taken(): void;
    /** The server refused a connect with `code`. True where another token may help; it is fetched before the next connect. */
    refused(code: string): boolean;
}
/** Makes the source of tokens: a fixed one, or what `getToken` gives. */
export declare function createTokens(token: string | undefined, getToken: (() => string | Promise<string>) | undefined): Tokens;
