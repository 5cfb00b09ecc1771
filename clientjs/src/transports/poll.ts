import { httpLink } from "./http.js";
import type { Link, LinkContext, LinkEvents } from "./transport.js";

/** How often it looks whether it may ask again, in ms, while the session moves to another link. */
const STAND = 50;

/** Long-polling: one request is held until a frame waits. */
export function poll(context: LinkContext, events: LinkEvents): Link {
  return httpLink(context, events, async (opening, ask, take) => {
    for (let body = opening; ; ) {
      const response = await ask("/poll", body);
      const session = take(JSON.parse(await response.text()).frames);
      if (!session) return;
      let received;
      while ((received = context.received()) === undefined) await new Promise<void>((resume) => context.clock.set(resume, STAND));
      body = JSON.stringify([{ type: "poll", session, received }]);
    }
  });
}
