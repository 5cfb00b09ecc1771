import type { WireError } from "../core/frames.js";
import { PROVE, toFrames, type Link, type LinkContext, type LinkEvents } from "./transport.js";
import { createUpstream } from "./upstream.js";

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

/** The server's own word in an HTTP error; undefined where the answer is not Tidings' (a proxy's page). */
export async function readError(response: Response): Promise<WireError | undefined> {
  try {
    const { error } = JSON.parse(await response.text());
    return typeof error.code === "string" ? error : undefined;
  } catch {
    return undefined;
  }
}

/** What an HTTP transport makes of one response: hands on what its events, or its answer, hold. The link ends where it throws. */
export type Read = (response: Response, take: (value: unknown) => void) => Promise<void>;

/**
 * A link whose downstream is a response to a POST to `path`, or where `again` says what to ask next a row of them; upstream by
 * `POST /bus/send`.
 */
export function httpLink(context: LinkContext, events: LinkEvents, path: string, read: Read, again?: (session: string) => Promise<string>): Link {
  const aborter = new AbortController();
  const { signal } = aborter;
  const proof = new AbortController();
  const close = (): void => {
    proof.abort();
    aborter.abort();
  };
  const lost: LinkEvents["lost"] = (error) => {
    if (signal.aborted) return;
    close();
    events.lost(error);
  };
  const over = (): void => lost();
  const upstream = createUpstream(context, signal, lost);
  let opened = false;
  let session = "";

  async function ask(body: string, until: AbortSignal, take: (value: unknown) => void): Promise<void> {
    const response = await post(context, path, body, until);
    if (!response.ok) lost(await readError(response));
    until.throwIfAborted();
    await read(response, (value) => {
      until.throwIfAborted();
      take(value);
    });
  }

  function take(value: unknown): void {
    const frames = toFrames(value);
    for (const f of frames) if (f.type === "connected") upstream.start((session = f.session));
    events.frames(frames);
  }

  async function run(body: string): Promise<void> {
    do await ask(body, signal, take);
    while (again && session && (body = await again(session)));
  }

  // What arrives while the response is open, or is the whole of it, proves the path; the rest of it is nothing.
  const unproven = (): unknown => proof.signal.aborted || lost();
  ask(PROVE, proof.signal, (value) => {
    toFrames(value);
    proof.abort();
    events.open();
  }).then(unproven, unproven);
  return {
    send(frames) {
      if (opened) return upstream.push(frames);
      opened = true;
      run(JSON.stringify(frames)).then(over, over);
    },
    close,
  };
}
