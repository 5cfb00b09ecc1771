export { createMessageBus } from "./bus/bus.js";
export type { Clock } from "./util/clock.js";
export type { GapReason, Position, PresenceMember, ServerFrame } from "./core/frames.js";
export { TidingsError } from "./core/errors.js";
export { sharedMessageBus } from "./bus/shared.js";
export type { TransportName } from "./transports/transport.js";
export type * from "./types.js";
