import { comesBack } from "../core/codes.js";
import type { ClientFrame } from "../core/frames.js";
import { PROVE, toFrames, takeBatch, type LinkContext, type Link, type LinkEvents } from "./transport.js";

/** A WebSocket: one text message carries an array of frames, both ways. */
export function websocket({ url, WebSocket }: LinkContext, events: LinkEvents): Link {
  const address = new URL(`${url}/ws`);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new (WebSocket as typeof globalThis.WebSocket)(address.href);
  let over = false;
  let proven = false;
  const lost: LinkEvents["lost"] = (error) => {
    if (over) return;
    close();
    events.lost(error);
  };
  const close = (): void => {
    over = true;
    // A socket that is still connecting only fires its error: listeners stay so that nothing is thrown.
    socket.close();
  };
  socket.onopen = () => over || socket.send(PROVE);
  socket.onerror = () => lost();
  socket.onclose = ({ code, reason }) =>
    lost(comesBack(code) ? undefined : { code: reason || `close_${code}` });
  socket.onmessage = ({ data }) => {
    if (over) return;
    let frames;
    try {
      frames = toFrames(JSON.parse(data));
    } catch {
      return lost();
    }
    if (proven) return events.frames(frames);
    proven = true;
    events.open();
  };
  return {
    send(frames: ClientFrame[]) {
      const waiting = frames.map((f) => JSON.stringify(f));
      while (!over && waiting.length) socket.send(`[${takeBatch(waiting)}]`);
    },
    close,
  };
}
