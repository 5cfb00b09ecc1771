import { httpLink } from "./http.js";
import { createSSEParser } from "./sse-parser.js";
import type { Link, LinkContext, LinkEvents } from "./transport.js";

/** A stream of server-sent events, read with `fetch` (no token in a URL). */
export function sse(context: LinkContext, events: LinkEvents): Link {
  return httpLink(context, events, "/sse", async ({ body }, take) => {
    const receive = createSSEParser((data) => take(JSON.parse(data)));
    const reader = (body as ReadableStream<Uint8Array>).getReader(); // what is no event stream holds no event, and ends
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      receive(decoder.decode(value, { stream: true }));
    }
  });
}
