import { backoff } from "../util/clock.js";
import { RECONNECT } from "../core/codes.js";
import type { ClientFrame, WireError } from "../core/frames.js";
import { post, readError } from "./post.js";
import { takeBatch, type LinkContext, type LinkEvents } from "./transport.js";

/** The frames of a link whose downstream is SSE or poll. */
export interface Upstream {
  /** Names the session, once `connected` came: what waits goes out. */
  start(session: string): void;
  push(frames: ClientFrame[]): void;
}

/** Attempts to get one body answered, before the link is taken for lost. */
const ATTEMPTS = 6;
const PING = '{"type":"ping"}';

/**
 * Carries frames upstream by numbered bodies, one in flight at a time, each repeated until it is answered or `signal`
 * aborts.
 */
export function createUpstream(context: LinkContext, signal: AbortSignal, lost: LinkEvents["lost"]): Upstream {
  const { sends, clock } = context;
  const waiting: string[] = [];
  let started = false;
  let busy = false;

  const body = (frames: string[]): string =>
    `{"session":${JSON.stringify(sends.session)},"seq":${sends.seq},"frames":[${frames}]}`;

  /** Posts a body once. Null: it was answered; undefined: it was not, or not by the server. */
  async function attempt(text: string): Promise<WireError | null | undefined> {
    try {
      const response = await post(context, "/send", text, signal);
      if (!response.ok) return await readError(response);
      await response.text();
      return null;
    } catch {
      return undefined; // the network failed, or the link was closed
    }
  }

  /** Sends what waits, until the link is over. */
  async function pump(): Promise<void> {
    if (busy || !started) return;
    busy = true;
    while (sends.unanswered || waiting.length) {
      // A body that an older link left unanswered is repeated with nothing in it: what it asked for is sent anew, under
      // the next number.
      const frames = sends.unanswered ? [PING] : takeBatch(waiting);
      if (!sends.unanswered) sends.seq!++;
      sends.unanswered = true;
      const text = body(frames);
      for (let n = 0; ; n++) {
        const error = await attempt(text);
        if (signal.aborted) return;
        if (error === null) break;
        if (n + 1 === ATTEMPTS || (error && (!error.retry || RECONNECT.includes(error.code)))) return lost(error);
        await new Promise<void>((resume) => clock.set(resume, backoff(n, context.random)));
      }
      sends.unanswered = false;
    }
    busy = false;
  }

  return {
    start(session) {
      if (sends.session !== session) Object.assign(sends, { session, seq: 0, unanswered: false });
      started = true;
      void pump();
    },
    push(frames) {
      const encoded = frames.map((f) => JSON.stringify(f));
      if (frames[0]?.type === "disconnect") {
        if (!started) return;
        sends.seq!++;
        post(context, "/send", body(encoded)).catch(() => {}); // goodbye: nobody waits for the answer
      } else {
        waiting.push(...encoded);
        void pump();
      }
    },
  };
}
