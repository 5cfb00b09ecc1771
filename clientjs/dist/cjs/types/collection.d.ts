import type { Clock, MessageBus } from "tidings";
import type { Collection } from "./collection/types.js";
export type * from "./collection/types.js";
/**
 * A collection of documents in the server's store. Each of its methods rejects as `MessageBus.request` does: with
 * `forbidden` if the rules do not allow it (`subscribe` is reading, `write` is writing), `unsupported` if the server
 * keeps no documents, `timeout` if a write may have been made; repeat it with the same `idempotencyKey`.
 * @param name - `index/name`, such as `city/taxis`
 * @param clock - for tests
 */
export declare function collection<T extends object = Record<string, unknown>>(bus: Pick<MessageBus, "request" | "subscribe">, name: string, clock?: Clock): Collection<T>;
