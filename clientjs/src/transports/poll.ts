import { httpLink } from "./http.js";
import type { Link, LinkContext, LinkEvents } from "./transport.js";

/** How often it looks whether it may ask again, in ms, while the session moves to another link. */
const STAND = 50;

/** Long-polling: one request is held until a frame waits. */
export function poll(context: LinkContext, events: LinkEvents): Link {
  const read = async (response: Response, take: (value: unknown) => void): Promise<void> => take(JSON.parse(await response.text()).frames);
  let attempt = 0;
  return httpLink(context, events, "/poll", read, async ({ session, generation }) => {
    let received;
    while ((received = context.received()) === undefined) await new Promise<void>((resume) => context.clock.set(resume, STAND));
    // By its generation and number the server knows a copy of an earlier poll that comes late.
    return JSON.stringify([{ type: "poll", session, received, generation, attempt: ++attempt, max: context.max }]);
  });
}
