/* Tidings, Apache-2.0 */

// clientjs/src/vite.ts
import { spawn } from "node:child_process";
var patience = 15e3;
var pause = 100;
async function who(url) {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2e3) });
    const { status } = await response.json().catch(() => ({}));
    return response.ok && status === "ok" ? "tidings" : "another";
  } catch {
    return "none";
  }
}
async function start(binary, url, stopped) {
  const { protocol, host, pathname } = new URL(url);
  if (protocol !== "http:" || pathname !== "/" || !/^(localhost|127\.|\[::1\])/.test(host)) return `No server answers at ${url}. Start it, or name another: tidings({ url: "\u2026" }).`;
  const child = spawn(binary, ["serve", "--dev", "--addr", /:\d+$/.test(host) ? host : `${host}:80`], { stdio: ["ignore", "ignore", "pipe"] });
  stopped(child);
  let said = "";
  let ended = "";
  child.stderr?.setEncoding("utf8").on("data", (text) => said = (said + text).slice(-2e3));
  child.once("error", () => ended = `No server runs at ${url}, and there is no program ${binary}. Put tidings into PATH, or name it: tidings({ binary: "path/to/tidings" }).`);
  child.once("exit", (code) => ended ||= `${binary} ended with status ${code}: ${said.trim()}`);
  for (const until = Date.now() + patience; !ended && Date.now() < until; ) {
    if (await who(url) === "tidings") return "";
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return ended || `${binary} runs, and does not answer at ${url} after ${patience / 1e3} s.`;
}
function tidings(options = {}) {
  const url = (options.url ?? process.env.TIDINGS_URL ?? "http://127.0.0.1:8080").replace(/\/$/, "");
  const binary = options.binary ?? process.env.TIDINGS_BINARY ?? "tidings";
  const path = options.path ?? "/bus";
  return {
    name: "tidings",
    apply: "serve",
    config: () => ({ server: { proxy: { [path]: { target: url, ws: true, ...path !== "/bus" && { rewrite: (asked) => `/bus${asked.slice(path.length)}` } } } } }),
    async configureServer({ config: { logger }, httpServer }) {
      let found = await who(url);
      let fault = found === "another" ? `Something answers at ${url}, but not as Tidings. Name another port: tidings({ url: "http://127.0.0.1:8090" }).` : "";
      if (found === "none" && binary !== false) {
        fault = await start(binary, url, (child) => {
          const stop = () => void child.kill();
          httpServer?.once("close", stop);
          process.once("exit", stop);
          for (const signal of ["SIGINT", "SIGHUP"]) {
            process.once(signal, () => {
              stop();
              if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
            });
          }
        });
        found = fault ? "none" : "tidings";
      } else if (found === "none") fault = `No server answers at ${url}. Start one: tidings serve --dev`;
      if (found !== "tidings") return logger.warn(`
  tidings: ${fault}
`);
      logger.info(`
  Tidings at ${url}/, here at ${path}. Publish:
  curl --json '{"channel": "hello", "data": "Hello"}' ${url}/api/publish
`);
    }
  };
}
export {
  tidings
};
//# sourceMappingURL=vite.js.map
