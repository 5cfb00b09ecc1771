import { orderBy } from "../collection/order.js";

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

const fail = (code: string): never => {
  throw Object.assign(new Error(code), { code, hint: "It is a fake store that says so.", retry: false });
};

const isObject = (value: unknown): value is Record<string, unknown> => !!value && typeof value === "object" && !Array.isArray(value);

function merge(into: object, part: object): object {
  const merged: Record<string, unknown> = { ...into };
  for (const [name, value] of Object.entries(part)) merged[name] = isObject(value) && isObject(merged[name]) ? merge(merged[name] as object, value) : value;
  return merged;
}

function without(content: object, path: string): object {
  const [name = "", ...rest] = path.split(".");
  const { [name]: inner, ...others } = content as Record<string, unknown>;
  if (!rest.length) return others;
  return isObject(inner) ? { ...content, [name]: without(inner, rest.join(".")) } : content;
}

/** A store of documents in memory, for {@link createFakeBus}: it answers what a page asks by `tidings/collection`. */
export function createFakeDocuments(matches: (filter: object, data: unknown) => boolean, changed: OnFakeChange) {
  const collections = new Map<string, Map<string, FakeDocument>>();
  let changes = 0;

  function of(collection: string): Map<string, FakeDocument> {
    let documents = collections.get(collection);
    if (!documents) collections.set(collection, (documents = new Map()));
    return documents;
  }

  /** Makes a document, or removes it: `content` null. */
  function write(collection: string, id: string, content: object | null, event: string): object {
    const documents = of(collection);
    const before = documents.get(id) ?? null;
    const version = ++changes;
    const after = content && { ...content, _id: id, _version: version, _info: { author: null, createdAt: 0, updater: null, updatedAt: null } };
    if (after) documents.set(id, after);
    else documents.delete(id);
    changed(collection, event, version, before, after);
    return { event, id, version, document: after ?? before };
  }

  function contentOf(collection: string, id: string): object | undefined {
    const { _id, _version, _info, ...content } = of(collection).get(id) ?? ({} as FakeDocument);
    return _id === undefined ? undefined : content;
  }

  function operate(collection: string, { action, id = `fake-${changes + 1}`, content = {}, default: base, fields = [], version }: Request): object {
    const there = contentOf(collection, id);
    if (version !== undefined && there && of(collection).get(id)?._version !== version) fail("version_conflict");
    if (action === "create" && there) fail("version_conflict");
    if (!there && !["create", "put", "upsert"].includes(action)) fail("not_found");
    const old = there ?? base ?? {};
    switch (action) {
      case "remove":
        return write(collection, id, null, "removed");
      case "patch":
      case "upsert":
        return write(collection, id, merge(old, content), there ? "patched" : "created");
      case "removeFields":
        return write(collection, id, fields.reduce(without, old), "patched");
      case "create":
      case "put":
      case "replace":
        return write(collection, id, content, there ? "updated" : "created");
    }
    return fail("bad_request");
  }

  function search({ collection, filter, sort = [], limit = 100, after = "0" }: Request): object {
    const found = [...of(collection).values()].filter((d) => !filter || matches(filter, d)).sort(orderBy(sort));
    const end = Number(after) + limit;
    return { documents: found.slice(Number(after), end), next: end < found.length ? `${end}` : undefined, complete: true, total: found.length, seen: { before: changes + 1, next: changes + 1, open: [] } };
  }

  /** Operations of which one that fails does not harm the others. */
  function several(collection: string, operations: readonly Request[]): object[] {
    return operations.map((operation) => {
      try {
        return operate(collection, operation);
      } catch (error) {
        const { code, message, hint, retry } = error as Error & { code: string; hint: string; retry: boolean };
        return { id: operation.id, error: { code, message, hint, retry } };
      }
    });
  }

  return {
    /** Sets documents by their ids, without those that are null. */
    set(collection: string, documents: Record<string, object | null>): void {
      for (const [id, content] of Object.entries(documents)) write(collection, id, content, content ? (of(collection).has(id) ? "updated" : "created") : "removed");
    },

    /** What a call of `document` is answered. */
    answer(request: Request): unknown {
      const { action, collection, id = "", ids = [], filter = {}, operations = [] } = request;
      const documents = of(collection);
      const many = /^m([A-Z])(.*)$/.exec(action);
      if (action === "get") return documents.get(id) ?? fail("not_found");
      if (action === "mGet") return { documents: ids.flatMap((i) => documents.get(i) ?? []) };
      if (action === "search") return search(request);
      if (action === "bulk") return { results: several(collection, operations) };
      if (many) return { results: several(collection, operations.map((o) => ({ ...o, action: many[1]!.toLowerCase() + many[2] }))) };
      if (action.endsWith("ByQuery")) {
        const found = [...documents.values()].filter((d) => matches(filter, d));
        for (const { _id } of found) operate(collection, { ...request, action: action.slice(0, -7), id: _id });
        return { matched: found.length, changed: found.length, complete: true };
      }
      return operate(collection, request);
    },
  };
}
