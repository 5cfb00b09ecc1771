export { MessageBusProvider, useBus, useBusStatus, type MessageBusProviderProps } from "./react/bus.js";
export type { Channels } from "./util/channels.js";
export { useMessageBus, type UseMessageBusOptions } from "./react/messages.js";
export { useBusQuery, useEffectWithPolling, useLiveQuery, type BusQueryResult, type LiveQueryResult, type PolledCallback, type UseBusQueryOptions, type UseLiveQueryOptions } from "./react/live.js";
export type { LiveQuery, LiveQueryOptions, LiveQueryState } from "tidings/live";
export { usePresence, type UsePresenceOptions } from "./react/presence.js";
export type { Presence } from "tidings/presence";
export { useReplyChannel, type ReplyState, type UseReplyChannel, type UseReplyChannelOptions } from "./react/reply.js";
export type { JobError, ReplyOptions } from "tidings/reply";
