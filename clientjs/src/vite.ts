import { spawn, type ChildProcess } from "node:child_process";

/** How the plugin finds, or starts, a server. */
export interface TidingsPluginOptions {
  /** Where the server is, or is to be. The default is the environment's `TIDINGS_URL`, and then `http://127.0.0.1:8080`. */
  readonly url?: string | undefined;
  /**
   * The program that is started if no server runs at `url`. The default is the environment's `TIDINGS_BINARY`, and then
   * `tidings`, which is looked for in `PATH`. `false` starts none.
   */
  readonly binary?: string | false | undefined;
  /** The path of the app under which the bus is. The default is `/bus`, which is the client's own. */
  readonly path?: string | undefined;
}

/** What the plugin uses of Vite's development server. */
export interface ViteServer {
  readonly config: { readonly logger: { info(text: string): void; warn(text: string): void } };
  readonly httpServer: { once(event: "close", listener: () => void): unknown } | null;
}

/** A plugin of Vite 5 or later, for `vite` alone: `vite build` does not see it. */
export interface TidingsPlugin {
  readonly name: "tidings";
  readonly apply: "serve";
  config(): { server: { proxy: Record<string, { target: string; ws: boolean; rewrite?: (path: string) => string }> } };
  configureServer(server: ViteServer): Promise<void>;
}

/** How long a server that was started may take until it answers, in ms. */
const patience = 15_000;
/** Between two questions whether it does, in ms. */
const pause = 100;

/** Reports whether a server is at `url`: "tidings", another one, or none. */
async function who(url: string): Promise<"tidings" | "another" | "none"> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2_000) });
    const { status } = (await response.json().catch(() => ({}))) as { status?: unknown };
    return response.ok && status === "ok" ? "tidings" : "another";
  } catch {
    return "none";
  }
}

/** Starts the server, and resolves when it answers, or with a sentence about why it does not. */
async function start(binary: string, url: string, stopped: (child: ChildProcess) => void): Promise<string> {
  const { protocol, host, pathname } = new URL(url);
  if (protocol !== "http:" || pathname !== "/" || !/^(localhost|127\.|\[::1\])/.test(host)) return `No server answers at ${url}. Start it, or name another: tidings({ url: "…" }).`;
  const child = spawn(binary, ["serve", "--dev", "--addr", /:\d+$/.test(host) ? host : `${host}:80`], { stdio: ["ignore", "ignore", "pipe"] });
  stopped(child);
  let said = "";
  let ended = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2_000)));
  child.once("error", () => (ended = `No server runs at ${url}, and there is no program ${binary}. Put tidings into PATH, or name it: tidings({ binary: "path/to/tidings" }).`));
  child.once("exit", (code) => (ended ||= `${binary} ended with status ${code}: ${said.trim()}`));
  for (const until = Date.now() + patience; !ended && Date.now() < until; ) {
    if ((await who(url)) === "tidings") return "";
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return ended || `${binary} runs, and does not answer at ${url} after ${patience / 1000} s.`;
}

/**
 * Makes the plugin that joins Vite's development server with Tidings: the bus is at `/bus` of the app, over WebSocket,
 * too. If no server runs at `url`, and `url` is of this machine, one is started with `--dev`, and ends with Vite.
 * @example
 * export default { plugins: [react(), tidings()] };
 */
export function tidings(options: TidingsPluginOptions = {}): TidingsPlugin {
  const url = (options.url ?? process.env.TIDINGS_URL ?? "http://127.0.0.1:8080").replace(/\/$/, "");
  const binary = options.binary ?? process.env.TIDINGS_BINARY ?? "tidings";
  const path = options.path ?? "/bus";
  return {
    name: "tidings",
    apply: "serve",
    config: () => ({ server: { proxy: { [path]: { target: url, ws: true, ...(path !== "/bus" && { rewrite: (asked: string) => `/bus${asked.slice(path.length)}` }) } } } }),
    async configureServer({ config: { logger }, httpServer }) {
      let found = await who(url);
      let fault = found === "another" ? `Something answers at ${url}, but not as Tidings. Name another port: tidings({ url: "http://127.0.0.1:8090" }).` : "";
      if (found === "none" && binary !== false) {
        fault = await start(binary, url, (child) => {
          const stop = (): void => void child.kill();
          httpServer?.once("close", stop);
          process.once("exit", stop);
          // Vite has no listener for these, and a process that they end does not exit in the sense above.
          for (const signal of ["SIGINT", "SIGHUP"] as const) {
            process.once(signal, () => {
              stop();
              if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
            });
          }
        });
        found = fault ? "none" : "tidings";
      } else if (found === "none") fault = `No server answers at ${url}. Start one: tidings serve --dev`;
      if (found !== "tidings") return logger.warn(`\n  tidings: ${fault}\n`);
      logger.info(`\n  Tidings at ${url}/, here at ${path}. Publish:\n  curl --json '{"channel": "hello", "data": "Hello"}' ${url}/api/publish\n`);
    },
  };
}
