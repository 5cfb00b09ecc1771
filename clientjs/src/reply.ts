import { TidingsError, type Message, type MessageBus, type Position } from "tidings";
import { systemClock } from "./util/clock.js";

/** What a job published as its `error`. */
export class JobError<T = unknown> extends Error {
  /** As it was published. */
  readonly data: T;

  constructor(data: T) {
    const message = typeof data === "string" ? data : (data as { message?: unknown } | null)?.message;
    super(typeof message === "string" ? message : "The job failed.");
    this.name = "JobError";
    this.data = data;
  }
}

/** Options of {@link replyChannel}. */
export interface ReplyOptions<Result = unknown, Progress = unknown> {
  /**
   * How long the job may take, in ms: 1,000 to 86,400,000. Until then its replies are kept. Default 3,600,000, an hour.
   */
  readonly ttl?: number | undefined;
  /** How long the job may be silent, in ms. Default: until the channel's end. */
  readonly timeout?: number | undefined;
  /** Called with each `progress` of the job. */
  readonly onProgress?: ((data: Progress) => void) | undefined;
  /** Called with the job's `done`. Nothing comes after it. */
  readonly onDone?: ((data: Result) => void) | undefined;
  /**
   * Called with a {@link JobError} if the job published an `error`, or with a `TidingsError`: `timeout`,
   * `channel_expired`, or what the server says. Nothing comes after it.
   */
  readonly onError?: ((error: JobError | TidingsError) => void) | undefined;
}

/** A channel that this client alone can read. */
export interface ReplyChannel<Result = unknown> {
  /** Hand this to the job: whoever has it may publish here until {@link ReplyChannel.expires}, without a key. */
  readonly publishURL: string;
  /** Its name: a secret, with which this user can read. */
  readonly channel: string;
  /** When it ends, in Unix milliseconds of the server's clock. */
  readonly expires: number;
  /** The job's `done`; rejects with what `onError` gets. Never settles after `close`. */
  readonly result: Promise<Result>;
  /** Waits no longer. The job is not told. */
  close(): void;
}

const FINAL = ["done", "error"];

/**
 * Opens a reply channel: hand its `publishURL` to a backend with the job that it shall do, and hear what the job
 * publishes there. It survives reconnects and sleep: what came meanwhile is kept up to its end. Rejects as
 * `MessageBus.request` does, with `limit_reached` if 32 are open, `unsupported` if the server has none.
 */
export async function replyChannel<Result = unknown, Progress = unknown>(
  bus: MessageBus,
  { ttl = 3_600_000, timeout = ttl, onProgress, onDone, onError }: ReplyOptions<Result, Progress> = {},
): Promise<ReplyChannel<Result>> {
  const { data, epoch, offset, tag } = await bus.request({ type: "call", method: "reply", data: { ttl } });
  const { channel, publish, expires } = data as { channel: string; publish: string; expires: number };
  const end = Date.now() + ttl; // by this machine's clock, which need not be the server's
  let over = false;
  let last: string | undefined;
  let timer: unknown;
  let settle!: { resolve(data: Result): void; reject(error: Error): void };
  const result = new Promise<Result>((resolve, reject) => (settle = { resolve, reject }));
  result.catch(() => {}); // a caller with an onError need not look at it

  function close(): void {
    over = true;
    systemClock.clear(timer);
    unsubscribe();
  }

  function fail(error: JobError | TidingsError): void {
    if (over) return;
    close();
    settle.reject(error);
    onError?.(error);
  }

  function take({ event, data, id }: Message): void {
    if (over) return;
    last = id;
    if (event === "done") {
      close();
      settle.resolve(data as Result);
      onDone?.(data as Result);
    } else if (event === "error") {
      fail(new JobError(data));
    } else {
      wait();
      onProgress?.(data as Progress);
    }
  }

  /** Looks for a last message that did not come by itself. Reports whether the job is alive. */
  async function look(): Promise<boolean> {
    const { messages } = await bus.history(channel, { limit: 1 });
    const newest = messages.at(-1);
    const alive = newest?.id !== last;
    if (newest && FINAL.includes(newest.event ?? "")) take(newest);
    else last = newest?.id ?? last;
    return alive;
  }

  function wait(): void {
    systemClock.clear(timer);
    timer = systemClock.set(() => {
      // A machine that slept fires at once when it wakes, and the answer may be waiting.
      look().then((alive) => {
        if (over) return;
        if (alive && Date.now() < end) wait();
        else fail(new TidingsError({ code: "timeout", message: "The job went silent.", hint: "Ask the backend how it stands." }));
      }, fail);
    }, Math.max(0, Math.min(timeout, end - Date.now())));
  }

  const unsubscribe = bus.subscribe(channel, (_, __, message) => take(message), {
    since: { epoch, offset, tag } as Position,
    onGap: () => void look().catch(fail),
    onError: fail,
  });
  wait();
  const base = new URL(bus.url.replace(/\/+$/, ""), globalThis.document?.baseURI ?? globalThis.location?.href);
  return { publishURL: new URL(publish, base).href, channel, expires, result, close };
}
