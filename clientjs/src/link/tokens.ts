import { TOKEN_TIME, within, type Clock } from "../util/clock.js";
import { TOKEN_BAD, TOKEN_OVER } from "../core/codes.js";
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
export function createTokens({ token, getToken }: MessageBusOptions, clock: Clock, random: () => number, renew: () => void): Tokens {
  /** It was fetched and nothing has been connected with it yet. */
  let untried = false;
  /** From when on another one is wanted. */
  let want = token === undefined ? 0 : Infinity;
  let timer: unknown;
  return {
    current: () => token,
    due: () => !!getToken && clock.now() >= want,
    async fetch() {
      if (getToken) token = (await within((async () => getToken())(), TOKEN_TIME, clock)) ?? undefined;
      untried = true;
      want = Infinity;
    },
    taken(ttl = Infinity) {
      untried = false;
      // Not at once for all clients that connected together.
      const ms = ttl * (0.8 + random() / 10);
      want = clock.now() + ms;
      clock.clear(timer);
      if (getToken && ms < Infinity) timer = clock.set(renew, ms);
    },
    stop: () => clock.clear(timer),
    refused(code) {
      const stale = !!getToken && (code === TOKEN_OVER || (code === TOKEN_BAD && !untried));
      if (stale) want = 0;
      return stale;
    },
  };
}
