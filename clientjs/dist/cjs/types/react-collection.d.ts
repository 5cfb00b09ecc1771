import type { MessageBus } from "tidings";
import { type ListQuery, type ListState, type Stored } from "tidings/collection";
/** Options of {@link useCollection}. */
export interface UseCollectionOptions extends ListQuery {
    /** Default: that of {@link useBus}. */
    readonly bus?: MessageBus | undefined;
}
/** What {@link useDocument} returns. */
export interface DocumentState<T extends object> extends Pick<ListState<T>, "known" | "loading" | "error"> {
    /** Null if there is none, or it is not known. */
    readonly document: Stored<T> | null;
}
/**
 * The documents of a collection that `filter` matches, as they are now, while the component is mounted: see
 * `Collection.live`. Another name, filter, sort, limit or bus begins anew, without documents; a filter is another one if
 * it reads otherwise. A server renders an empty list.
 * @param name - `index/name`, or `null` for none yet
 */
export declare function useCollection<T extends object = Record<string, unknown>>(name: string | null, options?: UseCollectionOptions): ListState<T>;
/**
 * One document as it is now, while the component is mounted.
 * @param name - `index/name`, or `null` for none yet
 * @param id - or `null` for none yet
 * @param bus - default: that of {@link useBus}
 */
export declare function useDocument<T extends object = Record<string, unknown>>(name: string | null, id: string | null, bus?: MessageBus): DocumentState<T>;
