import type { ConnectedFrame } from "../core/frames.js";
import { FOREIGN, post, readError } from "./post.js";
import { PROVE, toFrames, type Link, type LinkContext, type LinkEvents } from "./transport.js";
import { createUpstream } from "./upstream.js";

/**
 * What an HTTP transport makes of one response: hands on what its events, or its answer, hold. The link ends if it
 * throws.
 */
export type Read = (response: Response, take: (value: unknown) => void) => Promise<void>;

/**
 * A link whose downstream is a response to a POST to `path`, or if `again` says what to ask next a row of them;
 * upstream by `POST /bus/send`.
 */
export function httpLink(context: LinkContext, events: LinkEvents, path: string, read: Read, again?: (connected: ConnectedFrame) => Promise<string>): Link {
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
  let connected: ConnectedFrame | undefined;

  async function ask(body: string, until: AbortSignal, take: (value: unknown) => void): Promise<void> {
    const response = await post(context, path, body, until);
    if (!response.ok) {
      const error = await readError(response);
      lost(error?.code === FOREIGN ? undefined : error);
    }
    until.throwIfAborted();
    await read(response, (value) => {
      until.throwIfAborted();
      take(value);
    });
  }

  function take(value: unknown): void {
    const frames = toFrames(value);
    for (const f of frames) if (f.type === "connected") upstream.start((connected = f).session);
    events.frames(frames);
  }

  async function run(body: string): Promise<void> {
    do await ask(body, signal, take);
    while (again && connected && (body = await again(connected)));
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
