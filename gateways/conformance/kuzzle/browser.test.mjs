// The unmodified kuzzle-sdk in Chromium: there it offers the subprotocol "null" and pings with messages.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { browse } from "../../../clientjs/e2e/cdp.mjs";
import { serve } from "../../../clientjs/e2e/tidings.mjs";

const sdk = readFileSync(new URL("node_modules/kuzzle-sdk/dist/kuzzle.js", import.meta.url));
let server, pages, browser;
before(async () => {
  server = await serve();
  pages = createServer((req, res) => {
    if (req.url === "/kuzzle.js") return res.setHeader("content-type", "text/javascript").end(sdk);
    // The file expects what bundlers put in the place of process.env.
    res.setHeader("content-type", "text/html").end("<!doctype html><title>a page of Kuzzle's</title><script>window.process = { env: {} }</script><script src=/kuzzle.js></script>");
  });
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  browser = await browse();
});
after(async () => {
  await browser.close();
  pages.close();
  await server.stop();
});

test("a page subscribes, publishes and hears", async () => {
  const page = await browser.open(`http://127.0.0.1:${pages.address().port}/`);
  const heard = await page.run(async (port) => {
    const { Kuzzle, WebSocket: Protocol } = window.KuzzleSDK;
    const kuzzle = new Kuzzle(new Protocol("127.0.0.1", { port, pingInterval: 200 }));
    let lost = 0;
    kuzzle.on("networkError", () => lost++);
    await kuzzle.connect();
    const subprotocol = kuzzle.protocol.client.protocol;
    let hear;
    const message = new Promise((resolve) => (hear = resolve));
    const room = await kuzzle.realtime.subscribe("i", "pages", { equals: { a: 1 } }, hear);
    await kuzzle.realtime.publish("i", "pages", { a: 1 });
    const got = await message;
    const count = await kuzzle.realtime.count(room);
    await new Promise((resolve) => setTimeout(resolve, 1000)); // some pings
    kuzzle.disconnect();
    return { subprotocol, lost, count, event: got.event, a: got.result._source.a };
  }, server.port);
  assert.deepEqual(heard, { subprotocol: "null", lost: 0, count: 1, event: "publish", a: 1 });
});
