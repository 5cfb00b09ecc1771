import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { tidings, type TidingsPluginOptions, type ViteServer } from "../src/vite.js";

/** Runs the plugin as Vite does. Returns what it said. */
async function said(options: TidingsPluginOptions): Promise<string> {
  let out = "";
  const logger = { info: (text: string) => void (out += `info: ${text.trim()}`), warn: (text: string) => void (out += `warn: ${text.trim()}`) };
  const server: ViteServer = { config: { logger }, httpServer: null };
  await tidings(options).configureServer(server);
  return out;
}

/** Runs `body` beside a server that answers each request with `status` and `text`. */
async function beside(status: number, text: string, body: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((_request, response) => response.writeHead(status).end(text));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** Where nobody listens: a port that is no client's and no server's. */
const nowhere = "http://127.0.0.1:1";

test("a server that runs is taken, and the line that publishes is printed", async () => {
  await beside(200, '{"status":"ok"}', async (url) => {
    assert.match(await said({ url: `${url}/` }), new RegExp(`^info: Tidings at ${url}/, here at /bus\\. Publish:\n.*curl --json '.*' ${url}/api/publish$`));
  });
});

test("what is wrong is said, with what to do", async () => {
  await beside(404, "<!doctype html>", async (url) => {
    assert.match(await said({ url }), /^warn: tidings: Something answers at .*, but not as Tidings\. Name another port/);
  });
  assert.equal(await said({ url: nowhere, binary: false }), `warn: tidings: No server answers at ${nowhere}. Start one: tidings serve --dev`);
  assert.equal(await said({ url: nowhere, binary: "no-such-program-of-tidings" }), `warn: tidings: No server runs at ${nowhere}, and there is no program no-such-program-of-tidings. Put tidings into PATH, or name it: tidings({ binary: "path/to/tidings" }).`);
  assert.match(await said({ url: nowhere, binary: "false" }), /^warn: tidings: false ended with status 1:/);
  assert.match(await said({ url: "http://bus.invalid" }), /^warn: tidings: No server answers at http:\/\/bus\.invalid\. Start it, or name another/);
});

test("/bus of the app is the server's, over WebSocket, too, and so is another path", () => {
  assert.deepEqual(tidings({ url: nowhere }).config(), { server: { proxy: { "/bus": { target: nowhere, ws: true } } } });
  const { rewrite, ...proxy } = tidings({ url: nowhere, path: "/live" }).config().server.proxy["/live"]!;
  assert.deepEqual(proxy, { target: nowhere, ws: true });
  assert.equal(rewrite?.("/live/ws?x=1"), "/bus/ws?x=1");
  assert.equal(tidings().apply, "serve");
});
