import { post, readError } from "./http.js";
import { toFrames, type Link, type LinkContext, type LinkEvents } from "./transport.js";
import { createUpstream } from "./upstream.js";

/** Long-polling: one request is held until a frame waits; upstream by `POST /bus/send`. */
export function poll(context: LinkContext, events: LinkEvents): Link {
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

  async function read(opening: string): Promise<void> {
    let session = "";
    for (let body = opening; !aborter.signal.aborted; ) {
      const response = await post(context, "/poll", body, aborter.signal);
      if (!response.ok) return lost(await readError(response));
      const frames = toFrames(JSON.parse(await response.text()).frames);
      for (const f of frames) if (f.type === "connected") upstream.start((session = f.session));
      if (!session) return lost();
      if (!aborter.signal.aborted) events.frames(frames);
      body = JSON.stringify([{ type: "poll", session, received: context.received() }]);
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
