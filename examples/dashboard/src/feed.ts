import type { Gap, Message } from "tidings";
import { Store } from "./store.js";

/** A row of the list: a message, or the place where some may be missing. */
export type Row = { readonly key: number; readonly at: Date } & ({ readonly message: Message } | { readonly gap: Gap });

export interface FeedView {
  /** The newest first. */
  readonly rows: readonly Row[];
  readonly total: number;
  readonly gaps: number;
  /** Messages in each of the last seconds, the oldest first; the last of them is over. */
  readonly seconds: readonly number[];
}

const ROWS = 60;
const SECONDS = 60;

/** What was heard on one channel since the page opened it. */
export class Feed extends Store<FeedView> {
  private rows: Row[] = [];
  private keys = 0;
  private total = 0;
  private gaps = 0;
  private now = 0;
  private seconds: number[] = Array(SECONDS).fill(0);

  add(message: Message): void {
    this.total++;
    this.now++;
    this.put({ key: this.keys++, at: new Date(), message });
  }

  gap(gap: Gap): void {
    this.gaps++;
    this.put({ key: this.keys++, at: new Date(), gap });
  }

  /** Ends a second. Call it once in each. */
  tick(): void {
    this.seconds = [...this.seconds.slice(1), this.now];
    this.now = 0;
    this.changed();
  }

  private put(row: Row): void {
    this.rows = [row, ...this.rows.slice(0, ROWS - 1)];
    this.changed();
  }

  protected look(): FeedView {
    return { rows: this.rows, total: this.total, gaps: this.gaps, seconds: this.seconds };
  }
}
