import type { WireError } from "./frames.js";
/**
 * A failure that the server named, or one of the client's own: `closed`, `timeout`, `lost`, `too_large`, `bad_channel`,
 * `foreign_answer`. In production those have a code and a short hint; builds for development say more.
 */
export declare class TidingsError extends Error {
    /** One name per failure, the same on every transport: SPEC.md section 8. */
    readonly code: string;
    /** What to do about it. */
    readonly hint: string;
    /** Whether the same request may succeed later, unchanged. */
    readonly retry: boolean;
    constructor(error: WireError);
}
