import { type Clock } from "../util/clock.js";
import type { MessageBusOptions } from "../types.js";
/** Where the client's token comes from. */
export interface Tokens {
    /** The token to present now, if there is one. */
    current(): string | undefined;
    /** One must be fetched before the next connect. */
    due(): boolean;
    /** Fetches one. Rejects as `getToken` does. */
    fetch(): Promise<void>;
    /** The server took it; it is good for `ttl` ms, if it has an end. */
    taken(ttl?: number): void;
    /** There is no connection: a connect fetches what is due. */
    stop(): void;
    /** The server refused it with `code`. Reports whether another one may help; it is fetched before the next connect. */
    refused(code: string): boolean;
}
/**
 * Makes the source of tokens: a fixed one, or what `getToken` returns. It calls `renew` some time before the end of the
 * one that was taken.
 */
export declare function createTokens({ token, getToken }: MessageBusOptions, clock: Clock, random: () => number, renew: () => void): Tokens;
