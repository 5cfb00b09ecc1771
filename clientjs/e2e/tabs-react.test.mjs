// The demo, a React page, in two tabs of one Chromium: its hooks know nothing of the sharing, and show the same in the
// tab that follows.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { browse } from "./cdp.mjs";
import { until } from "./clients.mjs";
import { serve } from "./tidings.mjs";

describe("React hooks in tabs that share a connection", { timeout: 60_000 }, () => {
  const channel = "tabs/demo";
  let server;
  let browser;
  before(async () => {
    server = await serve();
    browser = await browse();
  });
  after(async () => {
    await browser.close();
    await server.stop();
  });

  const text = (page, id) => page.run((id) => document.querySelector(`[data-testid=${id}]`)?.textContent, id);
  const shown = (page) => page.run(() => [...document.querySelectorAll("[data-testid=message]")].map((li) => Number(li.dataset.offset)).reverse());
  // A page that nobody sees does not render: each is looked at in turn.
  const shows = async (page, ...offsets) => {
    await page.show();
    await until(`the page shows ${offsets}`, async () => String(await shown(page)) === String(offsets));
  };

  test("both show every message, also after the tab that led is closed; both publish", async () => {
    const pages = [];
    for (let i = 0; i < 2; i++) {
      const page = await browser.open(`${server.url}/demo/?channel=${channel}`);
      await until("connected", async () => (await text(page, "state")) === "connected");
      pages.push(page);
    }
    const [leader, follower] = pages;
    assert.equal(await server.metric("tidings_connections"), 1);
    await server.publish(channel, { n: 1 });
    await shows(leader, 1);
    await shows(follower, 1);
    await follower.run(() => document.querySelector("[data-testid=publish]").click());
    await shows(leader, 1, 2);
    await shows(follower, 1, 2);

    await leader.close();
    await server.publish(channel, { n: 3 });
    await shows(follower, 1, 2, 3);
    await until("connected", async () => (await text(follower, "state")) === "connected");
    await follower.run(() => document.querySelector("[data-testid=publish]").click());
    await shows(follower, 1, 2, 3, 4);
    assert.equal(await text(follower, "gaps"), "0");
    assert.equal(await server.metric("tidings_connections"), 1);
  });
});
