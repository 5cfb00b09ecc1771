import { post, readError } from "./http.js";
import { createSSEParser } from "./sse-parser.js";
import { toFrames, type Link, type LinkContext, type LinkEvents } from "./transport.js";
import { createUpstream } from "./upstream.js";

/** A stream of server-sent events, read with `fetch` (no token in a URL); upstream by `POST /bus/send`. */
export function sse(context: LinkContext, events: LinkEvents): Link {
  const aborter = new AbortController();
  const lost: LinkEvents["lost"] = (error) => {
    if (aborter.signal.aborted) return;
    close();
    events.lost(error);
  };
  const upstream = createUpstream(context, lost);
  const close = (): void => {
    aborter.abort();
    upstream.stop();
  };
  const receive = createSSEParser((data) => {
    const frames = toFrames(JSON.parse(data));
    for (const f of frames) if (f.type === "connected") upstream.start(f.session);
    if (!aborter.signal.aborted) events.frames(frames);
  });

  async function read(opening: string): Promise<void> {
    const response = await post(context, "/sse", opening, aborter.signal);
    if (!response.ok) return lost(await readError(response));
    if (!response.headers.get("Content-Type")?.startsWith("text/event-stream") || !response.body) return lost();
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return lost();
      receive(decoder.decode(value, { stream: true }));
    }
  }

  let opened = false;
  queueMicrotask(() => aborter.signal.aborted || events.open());
  return {
    send(frames) {
      if (opened) return upstream.push(frames);
      opened = true;
      read(JSON.stringify(frames)).catch(() => lost());
    },
    close,
  };
}
