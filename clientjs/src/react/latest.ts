import { useInsertionEffect, useRef } from "react";

/** What the last render gave, for callbacks that come later. */
export function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  useInsertionEffect(() => {
    latest.current = value;
  });
  return latest;
}
