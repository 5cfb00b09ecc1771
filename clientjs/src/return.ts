/** Calls `back` when the page is looked at again, comes out of the back/forward cache, or has its network back. Gives the way to stop. */
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
