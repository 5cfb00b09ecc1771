// Real tabs, each with a bus of its own on one channel: what they hear, and which of them leads.
import { createServer } from "node:http";
import { until } from "./clients.mjs";

const HTML = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>tab</title>';

/** A site of another origin than the bus, whose pages may go into the back/forward cache. */
export async function site() {
  const server = createServer((_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end(HTML));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Opens a tab that listens; `options` are those of its bus, `subscription` those of what it listens to. */
export async function openTab(browser, site, server, channel, options = {}, subscription = {}) {
  const page = await browser.open(site.url);
  await page.run(
    async (origin, channel, options, subscription) => {
      const { createMessageBus } = await import(`${origin}/client/tidings.js`);
      const log = (window.log = []);
      const bus = (window.bus = createMessageBus({ url: `${origin}/bus`, ...options }));
      addEventListener("pageshow", ({ persisted }) => (window.persisted = persisted));
      await new Promise((resolve) =>
        bus.subscribe(channel, (message) => log.push({ message, at: performance.timeOrigin + performance.now() }), { ...subscription, onGap: (gap) => log.push({ gap }), onSubscribed: () => resolve() }),
      );
    },
    server.url,
    channel,
    options,
    subscription,
  );
  return {
    page,
    name: "a tab",
    status: () => page.run(() => ({ state: window.bus.status.state, transport: window.bus.status.transport, tab: window.bus.status.tab })),
    log: () => page.run(() => window.log),
    /** When it heard the first message that was published after the `n`th, in ms since the epoch. */
    heardAfter: (n) => until(`a message after ${n}`, () => page.run((n) => window.log.find((e) => e.message?.n > n)?.at, n)),
  };
}

/** The one of the tabs that leads, once there is exactly one. */
export async function leaderOf(tabs) {
  let roles;
  const one = () => roles.filter((r) => r === "leader").length === 1;
  await until("exactly one tab leads", async () => {
    roles = await Promise.all(tabs.map(async (t) => (await t.status()).tab));
    return one();
  });
  return tabs[roles.indexOf("leader")];
}
