import { MAX_FRAME_BYTES, type WireError } from "./frames.js";

/** Returns what a failure of the client's own means, and what to do about it, by code; `what` is what it is about. */
const texts = (what?: string): Record<string, readonly [message: string, hint: string]> => ({
  closed: ["The bus is closed.", "Make a new one."],
  timeout: ["No answer: the outcome is unknown.", "Repeat it with its key."],
  lost: ["The server was not reached.", "It is tried again by itself. Is the network there, and the url right?"],
  too_large: [`Above ${MAX_FRAME_BYTES} bytes.`, "Publish less."],
  bad_channel: [`${what} is no channel name.`, "Give 1 to 200 of A-Za-z0-9_.~:/@+=,-"],
  foreign_answer: [`${what} answers, but not as Tidings.`, "Check the url, the proxies and firewalls on the way, and a dev server's proxy."],
});

/**
 * Returns a failure in words. The server's own have them; those of the client are here, and only in builds for
 * development and the script tag: build.mjs leaves this file out of the others.
 */
export function explain(error: WireError): WireError {
  const [message, hint] = (!error.hint && texts(error.message)[error.code]) || [error.message, error.hint];
  return { ...error, message, hint } as WireError;
}
