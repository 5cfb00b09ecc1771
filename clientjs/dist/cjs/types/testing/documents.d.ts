/** A document of a fake store, as a page sees it. */
export interface FakeDocument {
    readonly _id: string;
    readonly _version: number;
    readonly [field: string]: unknown;
}
/** Hands a change on to those who listen: the document before it and after it, null for none. */
export type OnFakeChange = (collection: string, event: string, change: number, before: FakeDocument | null, after: FakeDocument | null) => void;
interface Request {
    readonly action: string;
    readonly collection: string;
    readonly id?: string;
    readonly ids?: readonly string[];
    readonly content?: object;
    readonly default?: object;
    readonly fields?: readonly string[];
    readonly version?: number;
    readonly filter?: object;
    readonly sort?: readonly string[];
    readonly limit?: number;
    readonly after?: string;
    readonly operations?: readonly Request[];
}
/** A store of documents in memory, for {@link createFakeBus}: it answers what a page asks by `tidings/collection`. */
export declare function createFakeDocuments(matches: (filter: object, data: unknown) => boolean, changed: OnFakeChange): {
    /** Sets documents by their ids, without those that are null. */
    set(collection: string, documents: Record<string, object | null>): void;
    /** What a call of `document` is answered. */
    answer(request: Request): unknown;
};
export {};
