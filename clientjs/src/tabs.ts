import { build, type Carrier, type CarrierHost } from "./connection.js";
import { identity } from "./tabs/identity.js";
import { browser, type Platform } from "./tabs/platform.js";
import { Tab } from "./tabs/tab.js";

/** How long a token that was fetched to know the identity is good enough to connect with, in ms. */
const FRESH = 10_000;

/**
 * Makes this tab one of those of the browser that share one connection to the server: those of the same origin, URL and identity.
 * Throws where it is no browser, or the core is of another version. Loaded by the core when a bus is first used.
 */
export function share(host: CarrierHost, platform: Platform = browser()): Carrier {
  const { url = "/bus", token, getToken, tabs } = host.options;
  const { clock } = host;
  if (host.build !== build) throw new Error("the files are of different versions");
  let who = "";
  let fetched: { token: string; at: number } | undefined;

  async function identify(): Promise<void> {
    if (typeof tabs === "string") who = `key:${tabs}`;
    else {
      if (token === undefined && getToken) fetched = { token: await getToken(), at: clock.now() };
      who = identity(token ?? fetched?.token);
    }
  }

  const name = async (): Promise<string> =>
    `tidings:${await platform.digest(JSON.stringify([build, platform.resolve(url), who]))}`;

  async function fresh(another: () => void): Promise<string> {
    const known = fetched;
    fetched = undefined;
    if (known && clock.now() - known.at < FRESH) return known.token;
    const next = await (getToken as () => string | Promise<string>)();
    if (typeof tabs !== "string" && token === undefined && identity(next) !== who) {
      another();
      throw new Error("the token is another user's");
    }
    return next;
  }

  return new Tab(host, platform, { identify, name, getToken: (another) => getToken && (() => fresh(another)) });
}
