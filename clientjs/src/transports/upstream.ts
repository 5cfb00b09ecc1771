import { backoff } from "../clock.js";
import { RECONNECT } from "../core/codes.js";
import type { ClientFrame } from "../core/frames.js";
import { post, readError } from "./http.js";
import { takeBatch, type LinkContext, type LinkEvents } from "./transport.js";

/** How far the bodies of a session's `POST /bus/send` came. It outlives a link, since the server counts them per session. */
export interface SendState {
  session: string;
  /** The number of the last body. */
  seq: number;
  /** No answer came for the last body: the server may or may not have it. */
  unanswered: boolean;
}

/** The frames of a link whose downstream is SSE or poll. */
export interface Upstream {
  /** Names the session, once `connected` came: what waits goes out. */
  start(session: string): void;
  push(frames: ClientFrame[]): void;
}

/** Attempts to get one body answered, before the link is taken for lost. */
const ATTEMPTS = 6;
const PING = '{"type":"ping"}';

/** Carries frames upstream by numbered bodies, one in flight at a time, each repeated until it is answered or `signal` aborts. */
export function createUpstream(context: LinkContext, signal: AbortSignal, lost: LinkEvents["lost"]): Upstream {
  const { sends, clock } = context;
  const waiting: string[] = [];
  let started = false;
  let busy = false;

  const body = (frames: string[]): string =>
    `{"session":${JSON.stringify(sends.session)},"seq":${sends.seq},"frames":[${frames}]}`;

  /** True when the body was answered; false when the link is over. */
  async function deliver(text: string): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      let error;
      try {
        const response = await post(context, "/send", text, signal);
        if (response.ok) {
          await response.text();
          return !signal.aborted;
        }
        error = await readError(response);
      } catch {
        // The network failed, or the link was closed.
      }
      if (signal.aborted) return false;
      if (attempt + 1 === ATTEMPTS || (error && (!error.retry || RECONNECT.includes(error.code)))) {
        lost(error);
        return false;
      }
      await new Promise<void>((resume) => clock.set(resume, backoff(attempt, context.random)));
    }
  }

  async function pump(): Promise<void> {
    if (busy || !started) return;
    busy = true;
    while (!signal.aborted && (sends.unanswered || waiting.length)) {
      // A body that an older link left unanswered is repeated with nothing in it: what it asked for is sent anew, under the next number.
      const frames = sends.unanswered ? [PING] : takeBatch(waiting);
      if (!sends.unanswered) sends.seq++;
      sends.unanswered = true;
      if (!(await deliver(body(frames)))) break;
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
        sends.seq++;
        post(context, "/send", body(encoded)).catch(() => {}); // goodbye: nobody waits for the answer
      } else {
        waiting.push(...encoded);
        void pump();
      }
    },
  };
}
