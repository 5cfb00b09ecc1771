import type { Clock, MessageBus, TidingsError } from "tidings";
import { call } from "./call.js";
import { liveList } from "./collection/list.js";
import type { Collection, Operation, Outcome, Page, SearchQuery, Stored, WriteOptions } from "./collection/types.js";
import { systemClock } from "./util/clock.js";

export type * from "./collection/types.js";

/**
 * A collection of documents in the server's store. Each of its methods rejects as `MessageBus.request` does: with
 * `forbidden` if the rules do not allow it (`subscribe` is reading, `write` is writing), `unsupported` if the server
 * keeps no documents, `timeout` if a write may have been made; repeat it with the same `idempotencyKey`.
 * @param name - `index/name`, such as `city/taxis`
 * @param clock - for tests
 */
export function collection<T extends object = Record<string, unknown>>(bus: Pick<MessageBus, "request" | "subscribe">, name: string, clock: Clock = systemClock): Collection<T> {
  const ask = <A>(action: string, { idempotencyKey, ...fields }: { idempotencyKey?: string | undefined; [field: string]: unknown } = {}): Promise<A> =>
    call<A>(bus, "document", { action, collection: name, ...fields }, idempotencyKey ? { idempotencyKey } : {});
  const many = (action: string) => async (operations: readonly Operation<T>[], options?: WriteOptions): Promise<Outcome[]> =>
    (await ask<{ results: Outcome[] }>(action, { ...options, operations })).results;
  const channel = `documents/${name}`;
  const search = (query?: SearchQuery): Promise<Page<T>> => ask("search", { ...query });

  return {
    name,
    channel,
    get: (id) =>
      ask<Stored<T>>("get", { id }).catch((error: TidingsError) => {
        if (error.code === "not_found") return null;
        throw error;
      }),
    async mGet(ids) {
      const found: Stored<T>[] = [];
      for (let left: readonly string[] = ids; left.length; ) {
        const answer = await ask<{ documents: Stored<T>[]; left?: string[] }>("mGet", { ids: left });
        found.push(...answer.documents);
        left = answer.left ?? [];
      }
      return found;
    },
    search,
    create: (content, options) => ask("create", { ...options, content }),
    put: (id, content, options) => ask("put", { ...options, id, content }),
    replace: (id, content, options) => ask("replace", { ...options, id, content }),
    patch: (id, content, options) => ask("patch", { ...options, id, content }),
    upsert: (id, content, options) => ask("upsert", { ...options, id, content }),
    remove: (id, options) => ask("remove", { ...options, id }),
    removeFields: (id, fields, options) => ask("removeFields", { ...options, id, fields }),
    bulk: many("bulk"),
    mCreate: many("mCreate"),
    mPut: many("mPut"),
    mReplace: many("mReplace"),
    mPatch: many("mPatch"),
    mUpsert: many("mUpsert"),
    mRemove: many("mRemove"),
    mRemoveFields: many("mRemoveFields"),
    patchByQuery: (filter, content, options) => ask("patchByQuery", { ...options, filter, content }),
    removeByQuery: (filter, options) => ask("removeByQuery", { ...options, filter }),
    removeFieldsByQuery: (filter, fields, options) => ask("removeFieldsByQuery", { ...options, filter, fields }),
    live: (query, listener) => liveList<T>({ bus, channel, query, clock, search, listener }),
  };
}
