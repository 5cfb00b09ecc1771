import type { WireError } from "../core/frames.js";
import type { LinkContext } from "./transport.js";

/** One POST of a JSON body. Rejects as `fetch` does, when the network fails or `signal` aborts. */
export function post(context: LinkContext, path: string, body: string, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  const token = context.token();
  const { fetch, url, credentials } = context; // called as a method, the platform's own throws
  if (token) headers.Authorization = `Bearer ${token}`;
  // Without a signal the body is a last word, which must outlive the page.
  const rest = signal ? { signal } : { keepalive: true };
  return fetch(url + path, { method: "POST", headers, body, credentials, cache: "no-store", ...rest });
}

/** The code of an answer that is not Tidings': of a proxy, a firewall, another server. */
export const FOREIGN = "foreign_answer";

/** Reads why a request failed: in the server's own words, or {@link FOREIGN}. Resolves to undefined if it did not. */
export async function readError(response: Response): Promise<WireError | undefined> {
  const { ok, url, status, headers } = response;
  const text = await response.text();
  try {
    const { error } = JSON.parse(text);
    if (ok) return undefined;
    if (typeof error.code === "string") return error;
  } catch {
    // It is no JSON.
  }
  return { code: FOREIGN, message: `${url} (${status} ${headers.get("Content-Type")})`, retry: true };
}
