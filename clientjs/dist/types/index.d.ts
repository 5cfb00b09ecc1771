export { createMessageBus } from "./bus.js";
export type { Clock } from "./clock.js";
export type { GapReason, Position, PresenceMember, ServerFrame } from "./core/frames.js";
export { TidingsError } from "./errors.js";
export { sharedMessageBus } from "./registry.js";
export type { TransportName } from "./transports/transport.js";
export type * from "./types.js";
