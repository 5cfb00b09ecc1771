import type { TidingsError, Unsubscribe } from "tidings";
/**
 * A document as the server has it: the content, with what the store adds, in one object. Do not change it. A row of a
 * table that is watched has `_id` alone: its `_version` and `_info` are undefined.
 */
export type Stored<T extends object = Record<string, unknown>> = Readonly<T> & {
    readonly _id: string;
    /** The number of the change that made it: it grows with each write, by one or more. */
    readonly _version?: number;
    readonly _info?: DocumentInfo;
};
/** Who wrote a document, and when: users, null for none, and Unix ms. */
export interface DocumentInfo {
    readonly author: string | null;
    readonly createdAt: number;
    readonly updater: string | null;
    readonly updatedAt: number | null;
}
/** A part of a content: objects are merged, all else takes the place of what is there. */
export type Part<T> = T extends readonly unknown[] ? T : T extends object ? {
    readonly [K in keyof T]?: Part<T[K]>;
} : T;
/** Options of each write. */
export interface WriteOptions {
    /** The change's message has it beside the document, for all who hear it: at most 4 KiB of JSON. */
    readonly meta?: Readonly<Record<string, unknown>> | undefined;
    /** The same for each attempt at one write, which is then made once within 10 minutes. Default: one for each call. */
    readonly idempotencyKey?: string | undefined;
}
/** Options of a write of a document that is there. */
export interface VersionedOptions extends WriteOptions {
    /** The write is made only if the document has this `_version`, else it rejects with `version_conflict`. Default: any. */
    readonly version?: number | undefined;
}
/** What a write did. */
export interface Written<T extends object> {
    readonly event: "created" | "updated" | "patched" | "removed";
    readonly id: string;
    readonly version: number;
    /** The document after it, the last content of a removal; absent if this client may write but not read. */
    readonly document?: Stored<T>;
}
/** One of many operations. */
export interface Operation<T extends object> {
    /** Of a creation it may be left out: then one is drawn. */
    readonly id?: string | undefined;
    readonly content?: Part<T> | undefined;
    /** Of an upsert: what the content is merged into if there is no document. */
    readonly default?: Part<T> | undefined;
    /** What `removeFields` removes, such as `driver.name`. */
    readonly fields?: readonly string[] | undefined;
    readonly version?: number | undefined;
}
/** The operations of {@link Collection.bulk}. */
export type Action = "create" | "put" | "replace" | "patch" | "upsert" | "remove" | "removeFields";
/** What came of one of many operations: a version and an event, or an error. */
export interface Outcome {
    readonly id?: string;
    readonly version?: number;
    readonly event?: "created" | "updated" | "patched" | "removed";
    readonly error?: {
        readonly code: string;
        readonly message: string;
        readonly hint: string;
        readonly retry: boolean;
    };
}
/** What a write by a filter did. */
export interface ByQuery {
    readonly matched: number;
    readonly changed: number;
    /** false: a bound was reached, so that there may be more; repeat it. */
    readonly complete: boolean;
}
/** Which documents, in which order. */
export interface ListQuery {
    /** docs/filters.md has the language. Default: all documents. */
    readonly filter?: object | undefined;
    /** At most 4 fields, such as `driver.name`; with `-` in front, descending. Then by id. */
    readonly sort?: readonly string[] | undefined;
    /** Of a search 1 to 256, default 100. Of a live list any number; default: all that there are. */
    readonly limit?: number | undefined;
}
/** What {@link Collection.search} takes. */
export interface SearchQuery extends ListQuery {
    /** `next` of the page before. */
    readonly after?: string | undefined;
    /** Count all that match. */
    readonly count?: boolean | undefined;
}
/** Which changes are in a page: those of a transaction below `before`, or below `next` and not in `open`. */
export interface Seen {
    readonly before: number;
    readonly next: number;
    readonly open: readonly number[];
}
/** One page of a search. */
export interface Page<T extends object> {
    readonly documents: readonly Stored<T>[];
    /** `after` of the next page; absent if there is none. A page may be shorter than its limit and have one. */
    readonly next?: string;
    /** false: the search stopped reading, at 10,000 documents; go on with `next`. */
    readonly complete: boolean;
    /** Of all pages, if it was asked for and they could be counted. */
    readonly total?: number;
    readonly seen: Seen;
}
/** A live list as it stands. A new object for each change; a document that did not change stays the same object. */
export interface ListState<T extends object> {
    /** In their order, at most `limit`. */
    readonly documents: readonly Stored<T>[];
    /** There are more than `limit`. */
    readonly more: boolean;
    /** The list was loaded. It stays so while it is loaded anew: `documents` is the old list until the new one is there. */
    readonly known: boolean;
    /** The list is being loaded: for the first time, or anew after a gap or a `reset`. */
    readonly loading: boolean;
    /** Why it cannot be loaded, or heard; null if it can. What may succeed later is tried again by itself. */
    readonly error: TidingsError | null;
}
/** The documents of one collection, of content `T`, which is your claim and not checked. */
export interface Collection<T extends object = Record<string, unknown>> {
    /** `index/name`. */
    readonly name: string;
    /** Where its changes are published: `documents/index/name`. */
    readonly channel: string;
    /** One document; null if there is none. */
    get(id: string): Promise<Stored<T> | null>;
    /** Those that there are among up to 1,000 ids, in the order of `ids`. */
    mGet(ids: readonly string[]): Promise<Stored<T>[]>;
    /** One page of those that a filter matches. */
    search(query?: SearchQuery): Promise<Page<T>>;
    /** A new document, with an id of yours or one that is drawn. Rejects with `version_conflict` if there is one. */
    create(content: T, options?: WriteOptions & {
        readonly id?: string | undefined;
    }): Promise<Written<T>>;
    /** Creates the document, or replaces its content. */
    put(id: string, content: T, options?: VersionedOptions): Promise<Written<T>>;
    /** Replaces the content of a document that is there, else rejects with `not_found`. */
    replace(id: string, content: T, options?: VersionedOptions): Promise<Written<T>>;
    /** Merges a part into a document that is there, else rejects with `not_found`. */
    patch(id: string, content: Part<T>, options?: VersionedOptions): Promise<Written<T>>;
    /** Merges a part into the document; if there is none creates it, of `default` and the part. */
    upsert(id: string, content: Part<T>, options?: WriteOptions & {
        readonly default?: Part<T> | undefined;
    }): Promise<Written<T>>;
    /** Removes a document that is there, else rejects with `not_found`. */
    remove(id: string, options?: VersionedOptions): Promise<Written<T>>;
    /** Removes fields, such as `driver.name`, of a document that is there. */
    removeFields(id: string, fields: readonly string[], options?: VersionedOptions): Promise<Written<T>>;
    /** Up to 1,000 operations in their order, in one transaction. One that is refused does not harm the others. */
    bulk(operations: readonly (Operation<T> & {
        readonly action: Action;
    })[], options?: WriteOptions): Promise<Outcome[]>;
    mCreate(operations: readonly Operation<T>[], options?: WriteOptions): Promise<Outcome[]>;
    mPut(operations: readonly Operation<T>[], options?: WriteOptions): Promise<Outcome[]>;
    mReplace(operations: readonly Operation<T>[], options?: WriteOptions): Promise<Outcome[]>;
    mPatch(operations: readonly Operation<T>[], options?: WriteOptions): Promise<Outcome[]>;
    mUpsert(operations: readonly Operation<T>[], options?: WriteOptions): Promise<Outcome[]>;
    mRemove(operations: readonly Operation<T>[], options?: WriteOptions): Promise<Outcome[]>;
    mRemoveFields(operations: readonly Operation<T>[], options?: WriteOptions): Promise<Outcome[]>;
    /** Merges a part into all documents that a filter matches; `{}` matches all. */
    patchByQuery(filter: object, content: Part<T>, options?: Pick<WriteOptions, "meta">): Promise<ByQuery>;
    /** Removes all documents that a filter matches. */
    removeByQuery(filter: object, options?: Pick<WriteOptions, "meta">): Promise<ByQuery>;
    /** Removes fields of all documents that a filter matches. */
    removeFieldsByQuery(filter: object, fields: readonly string[], options?: Pick<WriteOptions, "meta">): Promise<ByQuery>;
    /**
     * Calls `listener` with the documents that a filter matches, and again after each change, until the function that it
     * returns is called. At the end of each burst of changes the list is what a search would find: nothing is missed
     * between the search and the first change, whatever connection, transport or tab carries them.
     */
    live(query: ListQuery, listener: (state: ListState<T>) => void): Unsubscribe;
}
