import { httpLink } from "./http.js";
import type { Link, LinkContext, LinkEvents } from "./transport.js";

/** Long-polling: one request is held until a frame waits. */
export function poll(context: LinkContext, events: LinkEvents): Link {
  return httpLink(context, events, async (opening, ask, take) => {
    for (let body = opening; ; ) {
      const response = await ask("/poll", body);
      const session = take(JSON.parse(await response.text()).frames);
      if (!session) return;
      body = JSON.stringify([{ type: "poll", session, received: context.received() }]);
    }
  });
}
