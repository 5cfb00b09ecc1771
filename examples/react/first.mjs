// Shows First.tsx in a page without a browser, with a real server, which it publishes to: `go test ./examples/react` starts
// one and gives TIDINGS_URL and TIDINGS_API_KEY. Node has no WebSocket here, so the client takes a stream.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = here(`../../.cache/examples-first-${process.pid}.mjs`);
const { TIDINGS_URL, TIDINGS_API_KEY } = process.env;

await build({
  stdin: {
    contents: `import { createRoot } from "react-dom/client"; import { createElement } from "react"; import App from "./First";
      globalThis.IS_REACT_ACT_ENVIRONMENT = false;
      const root = createRoot(document.body); root.render(createElement(App)); globalThis.leave = () => root.unmount();`,
    resolveDir: here("."),
  },
  outfile: out,
  tsconfig: here("tsconfig.json"),
  bundle: true,
  format: "esm",
  platform: "node",
  jsx: "automatic",
  external: ["happy-dom"],
  inject: [here("page.mjs")],
  define: { "process.env.NODE_ENV": '"development"' },
  banner: { js: `import { createRequire as $require } from "node:module"; const require = $require(${JSON.stringify(here("run.mjs"))});` },
  plugins: [{
    name: "the address of the server",
    setup: (b) => b.onLoad({ filter: /First\.tsx$/ }, async ({ path }) => {
      const text = createRequire(import.meta.url)("node:fs").readFileSync(path, "utf8");
      assert.ok(text.includes("http://127.0.0.1:8080"), "First.tsx names the server for development");
      return { contents: text.replace("http://127.0.0.1:8080", TIDINGS_URL), loader: "tsx", resolveDir: here(".") };
    }),
  }],
});

try {
  await import(out);
  /** Resolves when the page shows `text`. */
  const shows = (text) => new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the page does not show ${text}: ${document.body.innerHTML}`)), 30_000);
    const look = () => document.body.textContent.includes(text) && (clearTimeout(late), watch.disconnect(), resolve());
    const watch = new window.MutationObserver(look);
    watch.observe(document.body, { childList: true, subtree: true, characterData: true });
    look();
  });
  await shows("connected");
  const publish = (data) => fetch(`${TIDINGS_URL}/api/publish`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${TIDINGS_API_KEY}` },
    body: JSON.stringify({ channel: "news", data }),
  });
  // The subscription stands a moment after the connection; what is published before it is not shown.
  for (let tries = 0, heard = 0; !heard; tries++) {
    assert.ok(tries < 1000, "nobody hears the channel news");
    heard = (await (await publish("hello")).json()).receivers;
  }
  await shows("hello");
  globalThis.leave();
} finally {
  rmSync(out, { force: true });
}
process.exit(0);
