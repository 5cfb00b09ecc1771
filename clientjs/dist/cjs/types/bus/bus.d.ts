import { type LoadTabs } from "../link/connection.js";
import { type Transport, type TransportName } from "../transports/transport.js";
import type { MessageBus, MessageBusOptions } from "../types.js";
/**
 * Makes a bus. Nothing is opened before its first use, so this may run on a server too.
 * Throws a `TypeError` if none of the `transports` can work here.
 */
export declare function createMessageBus(options?: MessageBusOptions): MessageBus;
/** As {@link createMessageBus}, over other transports. For tests. */
export declare function createBus(options: MessageBusOptions, transports: Record<TransportName, Transport>, tabs?: LoadTabs): MessageBus;
