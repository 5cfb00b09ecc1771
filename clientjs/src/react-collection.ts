import { useMemo, useSyncExternalStore } from "react";
import type { MessageBus } from "tidings";
import { collection, type ListQuery, type ListState, type Stored } from "tidings/collection";
import { useBus } from "tidings/react";

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

const NOTHING: ListState<never> = { documents: [], more: false, known: false, loading: true, error: null };

/**
 * The documents of a collection that `filter` matches, as they are now, while the component is mounted: see
 * `Collection.live`. Another name, filter, sort, limit or bus begins anew, without documents; a filter is another one if
 * it reads otherwise. A server renders an empty list.
 * @param name - `index/name`, or `null` for none yet
 */
export function useCollection<T extends object = Record<string, unknown>>(name: string | null, options: UseCollectionOptions = {}): ListState<T> {
  const nearest = useBus();
  const bus = options.bus ?? nearest;
  const { filter, sort, limit } = options;
  const { subscribe, current } = useMemo(() => {
    let state: ListState<T> = NOTHING;
    return {
      current: () => state,
      subscribe(tell: () => void) {
        if (!name) return () => {};
        return collection<T>(bus, name).live({ filter, sort, limit }, (next) => {
          state = next;
          tell();
        });
      },
    };
  }, [bus, name, JSON.stringify([filter, sort, limit])]);
  return useSyncExternalStore(subscribe, current, current);
}

/**
 * One document as it is now, while the component is mounted.
 * @param name - `index/name`, or `null` for none yet
 * @param id - or `null` for none yet
 * @param bus - default: that of {@link useBus}
 */
export function useDocument<T extends object = Record<string, unknown>>(name: string | null, id: string | null, bus?: MessageBus): DocumentState<T> {
  const { documents, known, loading, error } = useCollection<T>(id === null ? null : name, { filter: { ids: { values: [id] } }, bus });
  return { document: documents[0] ?? null, known, loading, error };
}
