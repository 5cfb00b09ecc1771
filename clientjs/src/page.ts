/** What the page can say of itself to its bus. */
export interface PageEvents {
  /** The network may be back, or somebody looks again: do not trust what is open. */
  wake(): void;
  /** The page is left; it may come back out of the back/forward cache. */
  hide(): void;
  /** The page came back out of the back/forward cache. */
  show(): void;
}

/** Listens to the page's own events, where there is a page. Gives the way to stop. */
export function watchPage({ wake, hide, show }: PageEvents): () => void {
  const page = globalThis as Partial<Window & typeof globalThis>;
  if (!page.addEventListener || !page.document) return () => {};
  const stop = new AbortController();
  const on = (target: EventTarget, name: string, listener: (event: Event) => void): void =>
    target.addEventListener(name, listener, { signal: stop.signal });
  on(page as EventTarget, "online", wake);
  on(page as EventTarget, "focus", wake);
  on(page as EventTarget, "pagehide", hide);
  on(page as EventTarget, "pageshow", (event) => ((event as PageTransitionEvent).persisted ? show() : wake()));
  on(page.document, "visibilitychange", () => page.document?.visibilityState === "visible" && wake());
  on(page.document, "resume", wake);
  return () => stop.abort();
}
