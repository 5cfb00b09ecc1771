"use client";/* Tidings, Apache-2.0 */

// clientjs/src/react-collection.ts
import { useMemo, useSyncExternalStore } from "react";
import { collection } from "./collection.js";
import { useBus } from "./react.js";
var NOTHING = { documents: [], more: false, known: false, loading: true, error: null };
function useCollection(name, options = {}) {
  const nearest = useBus();
  const bus = options.bus ?? nearest;
  const { filter, sort, limit } = options;
  const { subscribe, current } = useMemo(() => {
    let state = NOTHING;
    return {
      current: () => state,
      subscribe(tell) {
        if (!name) return () => {
        };
        return collection(bus, name).live({ filter, sort, limit }, (next) => {
          state = next;
          tell();
        });
      }
    };
  }, [bus, name, JSON.stringify([filter, sort, limit])]);
  return useSyncExternalStore(subscribe, current, current);
}
function useDocument(name, id, bus) {
  const { documents, known, loading, error } = useCollection(id === null ? null : name, { filter: { ids: { values: [id] } }, bus });
  return { document: documents[0] ?? null, known, loading, error };
}
export {
  useCollection,
  useDocument
};
//# sourceMappingURL=react-collection.js.map
