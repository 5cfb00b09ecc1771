export { MessageBusProvider, useBus, useBusStatus, type MessageBusProviderProps } from "./react/bus.js";
export type { Channels } from "./react/channels.js";
export { useMessageBus, type UseMessageBusOptions } from "./react/messages.js";
