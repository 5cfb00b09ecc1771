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
    readonly config: {
        readonly logger: {
            info(text: string): void;
            warn(text: string): void;
        };
    };
    readonly httpServer: {
        once(event: "close", listener: () => void): unknown;
    } | null;
}
/** A plugin of Vite 5 or later, for `vite` alone: `vite build` does not see it. */
export interface TidingsPlugin {
    readonly name: "tidings";
    readonly apply: "serve";
    config(): {
        server: {
            proxy: Record<string, {
                target: string;
                ws: boolean;
                rewrite?: (path: string) => string;
            }>;
        };
    };
    configureServer(server: ViteServer): Promise<void>;
}
/**
 * Makes the plugin that joins Vite's development server with Tidings: the bus is at `/bus` of the app, over WebSocket,
 * too. If no server runs at `url`, and `url` is of this machine, one is started with `--dev`, and ends with Vite.
 * @example
 * export default { plugins: [react(), tidings()] };
 */
export declare function tidings(options?: TidingsPluginOptions): TidingsPlugin;
