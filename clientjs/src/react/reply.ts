import { useEffect, useMemo, useState } from "react";
import type { MessageBus, TidingsError } from "tidings";
import { replyChannel, type JobError, type ReplyChannel, type ReplyOptions } from "tidings/reply";
import { useBus } from "./bus.js";
import { useLatest } from "./latest.js";

/** Options of {@link useReplyChannel}. What is given on the latest render counts. */
export interface UseReplyChannelOptions<Result = unknown, Progress = unknown> extends ReplyOptions<Result, Progress> {
  /** Default: that of `useBus`. */
  readonly bus?: MessageBus | undefined;
}

/** How a job stands. */
export interface ReplyState<Result = unknown, Progress = unknown> {
  readonly state: "idle" | "waiting" | "done" | "failed";
  /** The newest `progress`. */
  readonly progress: Progress | undefined;
  /** The job's `done`. */
  readonly result: Result | undefined;
  /** What the job published as its `error`, or why it could not be heard. */
  readonly error: JobError | TidingsError | undefined;
}

/** What {@link useReplyChannel} returns. */
export interface UseReplyChannel<Result = unknown, Progress = unknown> extends ReplyState<Result, Progress> {
  /**
   * Opens a channel, in the place of one that is open, and returns the publish URL for the job. Rejects as
   * `replyChannel` does.
   */
  open(): Promise<string>;
  /** Waits no longer: `idle`. */
  close(): void;
}

const IDLE = { state: "idle", progress: undefined, result: undefined, error: undefined } as const;

/**
 * A reply channel for a job that a backend does: call `open` when the job is started, and hand the URL over with it.
 * The component renders again with each progress and the answer. When it unmounts nobody waits any longer.
 */
export function useReplyChannel<Result = unknown, Progress = unknown>(
  options: UseReplyChannelOptions<Result, Progress> = {},
): UseReplyChannel<Result, Progress> {
  const nearest = useBus();
  const bus = options.bus ?? nearest;
  const latest = useLatest(options);
  const [state, setState] = useState<ReplyState<Result, Progress>>(IDLE);
  const calls = useMemo(() => {
    let attempt = 0;
    let current: ReplyChannel<Result> | undefined;
    function stop(): void {
      attempt++;
      current?.close();
      current = undefined;
    }
    return {
      stop,
      close() {
        stop();
        setState(IDLE);
      },
      async open() {
        stop();
        const own = attempt;
        const change = (next: Partial<ReplyState<Result, Progress>>): void => {
          if (own === attempt) setState((before) => ({ ...before, ...next }));
        };
        setState({ ...IDLE, state: "waiting" });
        const { ttl, timeout } = latest.current;
        try {
          const reply = await replyChannel<Result, Progress>(bus, {
            ttl,
            timeout,
            onProgress: (progress) => {
              change({ progress });
              latest.current.onProgress?.(progress);
            },
            onDone: (result) => {
              change({ state: "done", result });
              latest.current.onDone?.(result);
            },
            onError: (error) => {
              change({ state: "failed", error });
              latest.current.onError?.(error);
            },
          });
          if (own === attempt) current = reply;
          else reply.close();
          return reply.publishURL;
        } catch (error) {
          change({ state: "failed", error: error as TidingsError });
          throw error;
        }
      },
    };
  }, [bus]);
  useEffect(() => calls.stop, [calls]);
  return { ...state, open: calls.open, close: calls.close };
}
