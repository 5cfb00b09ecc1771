/**
 * Listens to the page's own events, if there is a page. Returns a function that stops it.
 * @param wake - the network may be back, or somebody looks again: do not trust what is open
 * @param hide - the page is left; it may come back out of the back/forward cache
 * @param show - the page came back out of the back/forward cache
 */
export function watchPage(wake: () => void, hide: () => void, show: () => void): () => void {
  const page = globalThis as Partial<Window & typeof globalThis>;
  const { document } = page;
  if (!document || !page.addEventListener) return () => {};
  const stop = new AbortController();
  const listen = (target: EventTarget, names: string[]): void => names.forEach((name) => target.addEventListener(name, hear, stop));
  function hear({ type, persisted }: Event & { persisted?: boolean }): void {
    if (type === "pagehide") hide();
    else if (persisted) show();
    else if (type !== "visibilitychange" || document!.visibilityState === "visible") wake();
  }
  listen(page as EventTarget, ["online", "focus", "pagehide", "pageshow"]);
  listen(document, ["visibilitychange", "resume"]);
  return () => stop.abort();
}

/**
 * Calls `back` when somebody looks at the page again, when it comes out of the back/forward cache, and when the network
 * is back. Returns a function that stops it. It is for polling: unlike {@link watchPage} it does not care whether the
 * page has the focus.
 */
export function watchReturn(back: () => void): () => void {
  const page = globalThis as Partial<Window & typeof globalThis>;
  if (!page.addEventListener || !page.document) return () => {};
  const stop = new AbortController();
  const { signal } = stop;
  page.addEventListener("online", back, { signal });
  page.addEventListener("pageshow", ({ persisted }) => persisted && back(), { signal });
  page.document.addEventListener("visibilitychange", () => page.document?.visibilityState === "visible" && back(), { signal });
  return () => stop.abort();
}
