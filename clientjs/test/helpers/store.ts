// A store of documents and the way to its clients, in the smallest form that can do what a real one does: transactions
// that commit late, changes that arrive late, pages, cuts, gaps and resets. Everything happens when the test says so.
import type { Message, MessageBus, OnMessage, SubscribeOptions } from "../../src/index.js";
import { TidingsError } from "../../src/index.js";
import type { Seen, Stored } from "../../src/collection.js";
import { orderBy } from "../../src/collection/order.js";

export type Content = { place: number; free: boolean };
export type Doc = Stored<Content>;

interface Change {
  readonly number: number;
  readonly txn: number;
  readonly id: string;
  readonly before: Doc | undefined;
  readonly after: Doc | undefined;
}

/** The filter that the model knows: only free ones. */
export const FREE = { equals: { free: true } };

/** What a client asks for and hears goes through here. */
export class ModelStore {
  readonly documents = new Map<string, Doc>();
  /** Bytes of a page are not counted; this is the most that it has, whatever its limit. */
  pageSize = 256;
  /** Documents that a search reads at most. */
  reads = Infinity;
  /** What is called between any two steps of a search. */
  barrier: () => void = () => {};
  /** Requests wait here while they cannot be answered. */
  down = false;
  failing: TidingsError | null = null;
  /** Searches that failed. */
  failures = 0;
  readonly searches: { after?: string; limit: number }[] = [];
  private number = 0;
  private txn = 0;
  private readonly open = new Map<number, { txn: number; id: string; content: Content | null }>();
  private waiting: Change[] = []; // in the order of their numbers; published once all below are decided
  private queue: (Change | "reset")[] = []; // published, not yet delivered
  private listeners: { onMessage: OnMessage; options: SubscribeOptions; heard: boolean }[] = [];
  private parked: (() => void)[] = [];

  /** Begins a transaction that writes one document, null removes it. Returns a function that commits it. */
  begin(id: string, content: Content | null): (() => void) | undefined {
    if ([...this.open.values()].some((t) => t.id === id)) return undefined; // the row is locked
    const txn = ++this.txn;
    const number = ++this.number;
    this.open.set(number, { txn, id, content });
    return () => {
      this.open.delete(number);
      const before = this.documents.get(id);
      const after = content ? { ...content, _id: id, _version: number, _info: { author: null, createdAt: 0, updater: null, updatedAt: null } } : undefined;
      if (!before && !after) return;
      if (after) this.documents.set(id, after);
      else this.documents.delete(id);
      this.waiting.push({ number, txn, id, before, after });
    };
  }

  write(id: string, content: Content | null): void {
    this.begin(id, content)?.();
  }

  /** Writes that nobody is told of one by one, and the `reset` that says so. */
  bulk(write: (documents: Map<string, Doc>) => void): void {
    write(this.documents);
    this.publish(true);
    this.queue.push("reset");
    this.number++;
  }

  /** Publishes what is final: in the order of numbers, none before one that is still open. */
  publish(all = false): void {
    const oldest = all ? Infinity : Math.min(...this.open.keys(), Infinity);
    this.queue.push(...this.waiting.filter((c) => c.number < oldest).sort((a, b) => a.number - b.number));
    this.waiting = this.waiting.filter((c) => c.number >= oldest);
  }

  /** Delivers at most `count` of what was published. */
  deliver(count = Infinity): void {
    if (this.down) return;
    for (let i = 0; i < count && this.queue.length; i++) this.hand(this.queue.shift()!);
  }

  private hand(change: Change | "reset"): void {
    for (const { onMessage, options } of this.listeners.filter((l) => l.heard)) {
      const message = (data: object, fields: Partial<Message>): void => onMessage(data, "c", { channel: "c", data, epoch: "e", offset: 1, tag: "t", id: "i", time: 0, ...fields });
      if (change === "reset") {
        message({}, { event: "reset", change: this.number });
        continue;
      }
      const { number, txn, before, after } = change;
      const matches = (d: Doc | undefined): boolean => !!d && (!options.filter || d.free);
      const fields = { change: number, ...(txn !== number && { txn }), event: after ? "updated" : "removed" };
      if (matches(after)) message(after!, fields);
      else if (matches(before)) message(after ?? before!, { ...fields, scope: "out" });
    }
  }

  /** What was not delivered is lost: each listener is told of a gap. */
  gap(): void {
    this.publish(true);
    this.queue = [];
    for (const { options } of this.listeners) options.onGap?.({ channel: "c", reason: "history_expired", last: null, from: { epoch: "e", offset: 1, tag: "t" } });
  }

  /** The connection is back: requests are sent again, and what was missed arrives if it was not lost. */
  up(): void {
    this.down = false;
    for (const go of this.parked.splice(0)) go();
  }

  /** Lets the subscriptions begin. */
  subscribed(): void {
    for (const l of this.listeners.filter((x) => !x.heard)) {
      l.heard = true;
      l.options.onSubscribed?.({ epoch: "e", offset: 0, tag: "" });
    }
  }

  refuse(error: TidingsError): void {
    for (const l of this.listeners) {
      l.heard = false;
      l.options.onError?.(error);
    }
  }

  private snapshot(): Seen {
    const before = Math.min(...[...this.open.values()].map((t) => t.txn), this.txn + 1);
    return { before, next: this.txn + 1, open: [...this.open.values()].map((t) => t.txn).filter((t) => t >= before) };
  }

  /** All that a filter matches, in its order: what a live list has to become. */
  all({ filter, sort = [] }: { filter?: object | undefined; sort?: readonly string[] | undefined }): Doc[] {
    return [...this.documents.values()].filter((d) => !filter || d.free).sort(orderBy(sort));
  }

  private search({ filter, sort = [], limit = 100, after }: { filter?: object; sort?: string[]; limit?: number; after?: string }): object {
    const edge = after && (JSON.parse(after) as Doc);
    const order = orderBy(sort);
    const rows = [...this.documents.values()].sort(order).filter((d) => !edge || order(d, edge) > 0);
    const documents: Doc[] = [];
    let read = 0;
    for (const row of rows) {
      if (read++ >= this.reads) return { documents, next: JSON.stringify(rows[read - 2]), complete: false, seen: this.snapshot() };
      if (filter && !row.free) continue;
      if (documents.length === Math.min(limit, this.pageSize)) return { documents, next: JSON.stringify(documents.at(-1)), complete: true, seen: this.snapshot() };
      documents.push(row);
    }
    return { documents, complete: true, seen: this.snapshot() };
  }

  readonly bus = {
    subscribe: <T>(_channel: string, onMessage: OnMessage<T>, options: SubscribeOptions = {}): (() => void) => {
      const listener = { onMessage: onMessage as OnMessage, options, heard: false };
      this.listeners.push(listener);
      return () => (this.listeners = this.listeners.filter((l) => l !== listener));
    },
    request: async (frame: Parameters<MessageBus["request"]>[0]): ReturnType<MessageBus["request"]> => {
      const data = JSON.parse(JSON.stringify(frame.data)) as { after?: string; limit: number };
      this.searches.push(data);
      for (;;) {
        this.barrier(); // it is on its way
        if (this.down) await new Promise<void>((resolve) => this.parked.push(resolve));
        await null;
        this.barrier();
        if (this.failing) {
          this.failures++;
          throw this.failing;
        }
        const answer = JSON.parse(JSON.stringify(this.search(data)));
        this.barrier(); // it was read, and is on its way back
        await null;
        this.barrier();
        if (!this.down) return { type: "reply", id: 1, data: answer };
      }
    },
  };
}
