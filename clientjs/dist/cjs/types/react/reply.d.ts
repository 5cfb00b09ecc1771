import type { MessageBus, TidingsError } from "tidings";
import { type JobError, type ReplyOptions } from "tidings/reply";
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
/**
 * A reply channel for a job that a backend does: call `open` when the job is started, and hand the URL over with it.
 * The component renders again with each progress and the answer. When it unmounts nobody waits any longer.
 */
export declare function useReplyChannel<Result = unknown, Progress = unknown>(options?: UseReplyChannelOptions<Result, Progress>): UseReplyChannel<Result, Progress>;
