/** What sharing takes from the browser. Tests bring their own. */
export interface Platform {
  /** Throws if there are none: an insecure context, an old browser, Node. */
  readonly locks: Pick<LockManager, "request">;
  /** Opens the channel of a group. May throw. */
  open(name: string): Pick<BroadcastChannel, "postMessage" | "close" | "onmessage">;
  /** A whole URL. */
  resolve(url: string): string;
  digest(text: string): Promise<string>;
  /** A name that nobody else has. */
  name(): string;
  hidden(): boolean;
  /** Calls back when the browser is about to freeze the page, and when it goes on. Returns a function that stops it. */
  watch(freeze: () => void, resume: () => void): () => void;
}

const hex = (bytes: ArrayBuffer): string => Array.from(new Uint8Array(bytes), (b) => b.toString(16).padStart(2, "0")).join("");

/** The browser's own. Throws if it is none. */
export function browser(): Platform {
  const { document } = globalThis;
  if (!document) throw new Error("no page");
  return {
    locks: navigator.locks,
    open: (name) => new BroadcastChannel(name),
    resolve: (url) => new URL(url, document.baseURI).href,
    digest: async (text) => hex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).slice(0, 32),
    name: () => crypto.randomUUID(),
    hidden: () => document.visibilityState === "hidden",
    watch(freeze, resume) {
      const stop = new AbortController();
      document.addEventListener("freeze", freeze, { signal: stop.signal });
      document.addEventListener("resume", resume, { signal: stop.signal });
      return () => stop.abort();
    },
  };
}
