import { backoff } from "../util/clock.js";
import { RECONNECT } from "../core/codes.js";
import type { ClientFrame, WireError } from "../core/frames.js";
import { FOREIGN, post, readError } from "./post.js";
import { takeBatch, type LinkContext, type LinkEvents } from "./transport.js";

/** The frames of a link whose downstream is SSE or poll. */
export interface Upstream {
  /** Names the session, once `connected` came: what waits goes out. */
  start(session: string): void;
  push(frames: ClientFrame[]): void;
}

/** Attempts to get one body answered, before the link is taken for lost. */
const ATTEMPTS = 6;
/** The same of a body that something other than the server answers, before it is that body's own failure. */
const FOREIGN_TRIES = 3;
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
  /** So many of the waiting frames go each in a body of its own. */
  let alone = 0;

  const body = (frames: string[]): string =>
    `{"session":${JSON.stringify(sends.session)},"seq":${sends.seq},"frames":[${frames}]}`;

  /** Posts a body once. Null: the server took it; undefined: no answer came. */
  async function attempt(text: string): Promise<WireError | null | undefined> {
    try {
      return (await readError(await post(context, "/send", text, signal))) ?? null;
    } catch {
      return undefined; // the network failed, or the link was closed
    }
  }

  /**
   * Posts a body until it is answered. Resolves to null if the server took it, and to the error if something on the way
   * refuses it; never if the link is over.
   */
  async function deliver(frames: string[]): Promise<WireError | null> {
    const text = body(frames);
    for (let n = 1; ; n++) {
      const error = await attempt(text);
      if (!signal.aborted) {
        if (error === null || (error?.code === FOREIGN && n >= FOREIGN_TRIES)) return error;
        if (n === ATTEMPTS || (error && (!error.retry || RECONNECT.includes(error.code)))) lost(error);
      }
      if (signal.aborted) return new Promise(() => {});
      await new Promise<void>((resume) => clock.set(resume, backoff(n - 1, context.random)));
    }
  }

  /** Sends what waits, until the link is over. */
  async function pump(): Promise<void> {
    if (busy || !started) return;
    busy = true;
    while (sends.unanswered || waiting.length) {
      // A body that an older link left unanswered is repeated with nothing in it: what it asked for is sent anew, under
      // the next number.
      const frames = sends.unanswered ? [PING] : takeBatch(waiting, alone ? 1 : undefined);
      if (alone) alone--;
      if (!sends.unanswered) sends.seq!++;
      sends.unanswered = true;
      const error = await deliver(frames);
      if (error) {
        // If even a ping is refused under this number, it is the link that does not carry.
        if (await deliver([PING])) return lost();
        refuse(frames, error);
      }
      sends.unanswered = false;
    }
    busy = false;
  }

  /**
   * Something on the way refuses these frames: a single one fails; which of several it is shows when each goes alone.
   */
  function refuse(frames: string[], error: WireError): void {
    if (frames.length > 1) {
      alone = frames.length;
      waiting.unshift(...frames);
      return;
    }
    const { id } = JSON.parse(frames[0] as string) as ClientFrame;
    if (id) context.refused(id, { ...error, retry: false });
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
