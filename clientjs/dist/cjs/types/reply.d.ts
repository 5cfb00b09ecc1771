import { TidingsError, type MessageBus } from "tidings";
/** What a job published as its `error`. */
export declare class JobError<T = unknown> extends Error {
    /** As it was published. */
    readonly data: T;
    constructor(data: T);
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
/**
 * Opens a reply channel: hand its `publishURL` to a backend with the job that it shall do, and hear what the job
 * publishes there. It survives reconnects and sleep: what came meanwhile is kept up to its end. Rejects as
 * `MessageBus.request` does, with `limit_reached` if 32 are open, `unsupported` if the server has none.
 */
export declare function replyChannel<Result = unknown, Progress = unknown>(bus: MessageBus, { ttl, timeout, onProgress, onDone, onError }?: ReplyOptions<Result, Progress>): Promise<ReplyChannel<Result>>;
