import type { WireError } from "../core/frames.js";
import { toFrames, type Link, type LinkContext, type LinkEvents } from "./transport.js";
import { createUpstream } from "./upstream.js";

/** One POST of a JSON body. Rejects as `fetch` does, when the network fails or `signal` aborts. */
export function post(context: LinkContext, path: string, body: string, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  const token = context.token();
  if (token) headers.Authorization = `Bearer ${token}`;
  // Without a signal the body is a last word, which must outlive the page.
  const rest = signal ? { signal } : { keepalive: true };
  return context.fetch(`${context.url}${path}`, { method: "POST", headers, body, cache: "no-store", ...rest });
}

/** The server's own word in an HTTP error; undefined where the answer is not Tidings' (a proxy's page). */
export async function readError(response: Response): Promise<WireError | undefined> {
  try {
    const { error } = JSON.parse(await response.text());
    return typeof error.code === "string" ? error : undefined;
  } catch {
    return undefined;
  }
}

/** A downstream by HTTP, while its link lives. What it throws loses the link, as does its end. */
export type Downstream = (
  opening: string,
  /** One POST. Loses the link where its answer is an error. */
  ask: (path: string, body: string) => Promise<Response>,
  /** Hands out what one event or answer holds. Gives the link's session: empty before `connected`. */
  take: (value: unknown) => string,
) => Promise<void>;

/** A link whose downstream is `read`, from the opening frames on; upstream by `POST /bus/send`. */
export function httpLink(context: LinkContext, events: LinkEvents, read: Downstream): Link {
  const aborter = new AbortController();
  const { signal } = aborter;
  const lost: LinkEvents["lost"] = (error) => {
    if (signal.aborted) return;
    aborter.abort();
    events.lost(error);
  };
  const upstream = createUpstream(context, signal, lost);
  let opened = false;
  let session = "";

  async function ask(path: string, body: string): Promise<Response> {
    const response = await post(context, path, body, signal);
    if (!response.ok) lost(await readError(response));
    signal.throwIfAborted();
    return response;
  }

  function take(value: unknown): string {
    const frames = toFrames(value);
    signal.throwIfAborted();
    for (const f of frames) if (f.type === "connected") upstream.start((session = f.session));
    events.frames(frames);
    return session;
  }

  queueMicrotask(() => signal.aborted || events.open());
  return {
    send(frames) {
      if (opened) return upstream.push(frames);
      opened = true;
      const over = (): void => lost();
      read(JSON.stringify(frames), ask, take).then(over, over);
    },
    close: () => aborter.abort(),
  };
}
