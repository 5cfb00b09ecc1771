import { TOKEN_TIME, within } from "./util/clock.js";
import type { Carrier } from "./link/carrier.js";
import { build, type CarrierHost } from "./link/connection.js";
import type { Group } from "./tabs/group.js";
import { identity } from "./tabs/identity.js";
import { browser, type Platform } from "./tabs/platform.js";
import { Tab } from "./tabs/tab.js";
import type { GivenToken } from "./types.js";

/** How long a token that was fetched to know the identity is good enough to connect with, in ms. */
const FRESH = 10_000;

/**
 * Makes this tab one of those of the browser that share one connection to the server: those of the same origin, URL and
 * identity. Throws if it is no browser, or the core is of another version. Loaded by the core when a bus is first used.
 */
export function share(host: CarrierHost, platform: Platform = browser()): Carrier {
  const { url = "/bus", getToken, tabs } = host.options;
  const { clock } = host;
  if (host.build !== build) throw new Error("other build");
  /** The fixed one, until a refresh. */
  let { token } = host.options;
  let who = "";
  let fetched: { token: GivenToken; at: number } | undefined;

  async function ask(): Promise<GivenToken> {
    if (!fetched || Math.abs(clock.now() - fetched.at) >= FRESH) {
      fetched = { token: await within((async () => getToken?.())(), TOKEN_TIME, clock), at: clock.now() };
    }
    return fetched.token;
  }

  const identify = async (): Promise<void> => {
    who = typeof tabs === "string" ? `key:${tabs}` : identity(token ?? (await ask()));
  };

  const group: Group = {
    identify,
    async again() {
      fetched = undefined;
      await ask();
      if (getToken) token = undefined;
      await identify();
    },
    name: async () => `tidings:${await platform.digest(JSON.stringify([build, platform.resolve(url), who]))}`,
    credentials: (another, failed) => ({
      token,
      getToken:
        getToken &&
        (async () => {
          const next = await ask().catch((cause: unknown) => {
            failed();
            throw cause;
          });
          if (typeof tabs !== "string" && identity(next) !== who) {
            token = undefined;
            another();
            throw new Error("another user");
          }
          fetched = undefined;
          return next;
        }),
    }),
  };
  return new Tab(host, platform, group);
}
