import type { MessageBus } from "../types.js";
/** The page's one bus for `url`; a new one if the last was closed. Default `/bus`. */
export declare function sharedMessageBus(url?: string): MessageBus;
