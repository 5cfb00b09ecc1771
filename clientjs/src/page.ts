/**
 * Listens to the page's own events, where there is a page. Gives the way to stop.
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
