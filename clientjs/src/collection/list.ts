import type { Message, MessageBus, TidingsError, Unsubscribe } from "tidings";
import { backoff, type Clock } from "../util/clock.js";
import { safely } from "../util/listeners.js";
import { orderBy } from "./order.js";
import type { ListQuery, ListState, Page, SearchQuery, Seen, Stored } from "./types.js";

/** Most documents of one page. */
const MAX_PAGE = 256;
/** Documents that a list keeps at least beyond its limit, so that a removal finds the next one here. */
const RESERVE = 256;

/** What a list is made of. */
export interface ListPort<T extends object> {
  readonly bus: Pick<MessageBus, "subscribe">;
  readonly channel: string;
  readonly query: ListQuery;
  readonly clock: Clock;
  search(query: SearchQuery): Promise<Page<T>>;
  listener(state: ListState<T>): void;
}

/** A document, and what the page that it came with had seen; a document that a change brought has none. */
interface Row<T extends object> {
  readonly document: Stored<T>;
  readonly seen?: Seen;
}

/** Documents as far as they are known: all up to the edge, in the order of the list. */
interface Known<T extends object> {
  /** By id; in the order of the list but for those that changed since, which are the last ones. */
  rows: Map<string, Row<T>>;
  /** What the first page had seen; undefined before it. */
  seen?: Seen;
  /** The last document that is known; undefined if all are. */
  edge?: Stored<T> | undefined;
  /** The cursor behind the edge; undefined if there is none. */
  next?: string | undefined;
}

const covers = ({ before, next, open }: Seen, { change, txn = change }: Message): boolean =>
  txn! < before || (txn! < next && !open.includes(txn!));

/**
 * Keeps a list as the collection is. It subscribes, then searches, and then applies each change that the page has not
 * seen. A gap or a `reset` loads anew; the old list stays until the new one is there.
 */
export function liveList<T extends object>({ bus, channel, query, clock, search, listener }: ListPort<T>): Unsubscribe {
  const { filter, sort = [], limit = Infinity } = query;
  const order = orderBy(sort);
  let shown: Known<T> = { rows: new Map() };
  /** What takes the place of `shown`, while it is loaded. */
  let draft: Known<T> | undefined;
  /** Nothing that is here can be trusted: load anew. */
  let anew = true;
  /** The last change of each document since the search under way began; undefined if none is. */
  let held: Map<string, Message<Stored<T>>> | undefined;
  /** It waits to be subscribed, or it cannot be searched. */
  let resting = true;
  let stopped = false;
  let told = true;
  let error: TidingsError | null = null;
  let failures = 0;
  let timer: unknown;

  /** Puts the rows in their order. Most of them are, which makes it cheap. */
  function arranged(known: Known<T>): Stored<T>[] {
    known.rows = new Map([...known.rows].sort(([, a], [, b]) => order(a.document, b.document)));
    return [...known.rows.values()].map(({ document }) => document);
  }

  function changed(): void {
    if (!told) return;
    told = false;
    // Once for all messages of one turn.
    queueMicrotask(() => {
      told = true;
      if (stopped) return;
      const documents = arranged(shown);
      const more = !!shown.edge || documents.length > limit;
      safely(() => listener({ documents: documents.slice(0, limit), more, known: !!shown.seen, loading: !error && (anew || !!draft), error }));
    });
  }

  const behind = ({ edge }: Known<T>, document: Stored<T>): boolean => !!edge && order(document, edge) > 0;

  /** Applies a change to what it may concern. */
  function apply(known: Known<T>, message: Message<Stored<T>>): void {
    const { data, scope } = message;
    const { rows } = known;
    const row = rows.get(data._id);
    const seen = row ? row.seen : known.seen;
    if (seen && covers(seen, message)) return;
    rows.delete(data._id);
    if (!scope && !behind(known, data)) rows.set(data._id, { document: data });
    if (rows.size >= 2 * limit + 2 * RESERVE) cut(known);
  }

  /** Forgets what lies far behind the limit. */
  function cut(known: Known<T>): void {
    const documents = arranged(known);
    for (const { _id } of documents.splice(limit + RESERVE)) known.rows.delete(_id);
    known.edge = documents.at(-1);
    known.next = undefined;
  }

  /** Reports whether a search is needed. */
  function short({ rows, seen, edge, next }: Known<T>): boolean {
    if (!seen || (next && !edge)) return true;
    if (rows.size >= limit || !edge) return false;
    anew ||= !next; // it was cut: there is no cursor
    return true;
  }

  /** Searches until nothing is missing. One search is under way at a time. */
  async function load(): Promise<void> {
    if (held || resting || stopped) return;
    held = new Map();
    while (!resting && !stopped && (anew || short(draft ?? shown))) {
      if (anew) {
        anew = false;
        draft = { rows: new Map() };
      }
      held.clear(); // what came before the search begins is in its answer
      try {
        await page(draft ?? shown, held);
      } catch (failure) {
        fail(failure as TidingsError);
      }
    }
    held = undefined;
    if (resting || stopped || !(draft || error)) return;
    shown = draft ?? shown;
    draft = undefined;
    error = null; // also if what it failed to search for came by itself
    changed();
  }

  /** Adds one page. */
  async function page(known: Known<T>, held: Map<string, Message<Stored<T>>>): Promise<void> {
    const found = await search({ filter, sort, limit: Math.min(MAX_PAGE, limit), after: known.next });
    if (anew || resting || stopped) return; // it may be older than what was missed
    failures = 0;
    known.seen ??= found.seen;
    for (const document of found.documents) known.rows.set(document._id, { document, seen: found.seen });
    known.next = found.next;
    // A search that stopped reading went on behind its last document: there is no edge before its next page.
    known.edge = found.next && found.complete ? (found.documents.at(-1) ?? known.edge) : undefined;
    for (const message of held.values()) if (!covers(found.seen, message)) apply(known, message);
    if (!draft) changed();
  }

  function fail(failure: TidingsError): void {
    if (anew || resting || stopped) return;
    error = failure;
    anew = !!draft;
    draft = undefined;
    resting = true;
    changed();
    if (!failure.retry) return;
    timer = clock.set(() => {
      resting = false;
      void load();
    }, 1_000 + backoff(++failures, Math.random));
  }

  function reload(): void {
    clock.clear(timer);
    anew = true;
    resting = false;
    if (shown.seen) changed();
    void load();
  }

  function hear(message: Message<Stored<T>>): void {
    if (message.change === undefined) return;
    if (message.event === "reset") return reload();
    held?.set(message.data._id, message);
    const known = draft ?? shown;
    if (anew || !known.seen) return; // the search that is to come has it
    apply(known, message);
    if (draft) return;
    changed();
    if (short(known)) void load();
  }

  const leave = bus.subscribe<Stored<T>>(channel, (_data, _channel, message) => hear(message), {
    filter,
    onGap: reload,
    onSubscribed() {
      if (error || anew) reload();
    },
    onError(failure) {
      // Nothing that is here may be shown any more.
      clock.clear(timer);
      shown = { rows: new Map() };
      draft = undefined;
      error = failure;
      anew = resting = true;
      changed();
    },
  });

  return () => {
    stopped = true;
    clock.clear(timer);
    leave();
  };
}
