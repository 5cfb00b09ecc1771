import type { MessageBus, Unsubscribe } from "tidings";
import { type Clock } from "../util/clock.js";
import type { ListQuery, ListState, Page, SearchQuery } from "./types.js";
/** What a list is made of. */
export interface ListPort<T extends object> {
    readonly bus: Pick<MessageBus, "subscribe">;
    readonly channel: string;
    readonly query: ListQuery;
    readonly clock: Clock;
    search(query: SearchQuery): Promise<Page<T>>;
    listener(state: ListState<T>): void;
}
/**
 * Keeps a list as the collection is. It subscribes, then searches, and then applies each change that the page has not
 * seen. A gap or a `reset` loads anew; the old list stays until the new one is there.
 */
export declare function liveList<T extends object>({ bus, channel, query, clock, search, listener }: ListPort<T>): Unsubscribe;
