import { useSyncExternalStore } from "react";

/** Something that changes often and is shown at most once per frame. Messages are counted here, not in React's state, which batches. */
export abstract class Store<View> {
  private readonly listeners = new Set<() => void>();
  private frame = 0;
  private view: View | undefined;

  protected abstract look(): View;

  readonly get = (): View => (this.view ??= this.look());

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  protected changed(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.view = undefined;
      for (const listener of this.listeners) listener();
    });
  }
}

export function useStore<View>(store: Store<View>): View {
  return useSyncExternalStore(store.subscribe, store.get);
}
