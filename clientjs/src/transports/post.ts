import type { WireError } from "../core/frames.js";
import type { LinkContext } from "./transport.js";

/** One POST of a JSON body. Rejects as `fetch` does, when the network fails or `signal` aborts. */
export function post(context: LinkContext, path: string, body: string, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  const token = context.token();
  const { fetch, url } = context; // called as a method, the platform's own throws
  if (token) headers.Authorization = `Bearer ${token}`;
  // Without a signal the body is a last word, which must outlive the page.
  const rest = signal ? { signal } : { keepalive: true };
  return fetch(url + path, { method: "POST", headers, body, cache: "no-store", ...rest });
}

/**
 * Reads the server's own word out of an HTTP error. Resolves to undefined if the answer is not Tidings' (a proxy's
 * page).
 */
export async function readError(response: Response): Promise<WireError | undefined> {
  try {
    const { error } = JSON.parse(await response.text());
    return typeof error.code === "string" ? error : undefined;
  } catch {
    return undefined;
  }
}
