/** One channel's name, several, or none yet. */
export type Channels = string | null | undefined | readonly (string | null | undefined)[];
/** The names that are there, each once. */
export declare const listOf: (channels: Channels) => string[];
