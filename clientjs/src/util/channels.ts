/** One channel's name, several, or none yet. */
export type Channels = string | null | undefined | readonly (string | null | undefined)[];

/** The names that are there, each once. */
export const listOf = (channels: Channels): string[] => [
  ...new Set([channels].flat().filter((name): name is string => name != null)),
];
