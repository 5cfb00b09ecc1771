/* Tidings, Apache-2.0 */
"use strict";
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// clientjs/src/collection.ts
var collection_exports = {};
__export(collection_exports, {
  collection: () => collection
});
module.exports = __toCommonJS(collection_exports);

// clientjs/src/call.ts
var call = async (bus, method, data, options) => (await bus.request({ type: "call", method, data, idempotencyKey: `${crypto.getRandomValues(new Uint32Array(4))}`, ...options })).data;

// clientjs/src/util/clock.ts
var MAX_TIMER = 2 ** 31 - 1;
var systemClock = {
  now: () => Date.now(),
  set(callback, ms) {
    const timer = {};
    const arm = (left) => {
      timer.id = setTimeout(left > MAX_TIMER ? () => arm(left - MAX_TIMER) : callback, Math.min(left, MAX_TIMER));
    };
    arm(ms);
    return timer;
  },
  clear: (timer) => clearTimeout(timer?.id)
};
var CAP = 2e4;
var BASE = 200;
var backoff = (attempt, random) => random() * Math.min(CAP, BASE * 2 ** attempt);

// clientjs/src/util/listeners.ts
var report = (error) => (globalThis.reportError ?? console.error)(error);
var safely = (callback) => {
  try {
    callback();
  } catch (error) {
    report(error);
  }
};

// clientjs/src/collection/order.ts
var rank = (value) => value == null ? 0 : typeof value === "number" || typeof value === "boolean" ? 1 : 2;
var text = (value) => typeof value === "string" ? value : JSON.stringify(value);
function byBytes(a, b) {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return (a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1);
}
var compare = (a, b) => rank(a) - rank(b) || (rank(a) === 2 ? byBytes(text(a), text(b)) : Number(a) - Number(b));
var at = (document, path) => path.reduce((value, name) => value && typeof value === "object" && !Array.isArray(value) && Object.hasOwn(value, name) ? value[name] : void 0, document);
function orderBy(sort) {
  const keys = sort.map((field) => ({ path: field.replace(/^-/, "").split("."), sign: field[0] === "-" ? -1 : 1 }));
  return (a, b) => {
    for (const { path, sign } of keys) {
      const difference = compare(at(a, path), at(b, path));
      if (difference) return difference * sign;
    }
    return byBytes(a._id, b._id);
  };
}

// clientjs/src/collection/list.ts
var MAX_PAGE = 256;
var RESERVE = 256;
var covers = ({ before, next, open }, { change, txn = change }) => txn < before || txn < next && !open.includes(txn);
function liveList({ bus, channel, query, clock, search, listener }) {
  const { filter, sort = [], limit = Infinity } = query;
  const order = orderBy(sort);
  let shown = { rows: /* @__PURE__ */ new Map() };
  let draft;
  let anew = true;
  let held;
  let resting = true;
  let stopped = false;
  let told = true;
  let error = null;
  let failures = 0;
  let timer;
  function arranged(known) {
    known.rows = new Map([...known.rows].sort(([, a], [, b]) => order(a.document, b.document)));
    return [...known.rows.values()].map(({ document }) => document);
  }
  function changed() {
    if (!told) return;
    told = false;
    queueMicrotask(() => {
      told = true;
      if (stopped) return;
      const documents = arranged(shown);
      const more = !!shown.edge || documents.length > limit;
      safely(() => listener({ documents: documents.slice(0, limit), more, known: !!shown.seen, loading: !error && (anew || !!draft), error }));
    });
  }
  const behind = ({ edge }, document) => !!edge && order(document, edge) > 0;
  function apply(known, message) {
    const { data, scope } = message;
    const { rows } = known;
    const row = rows.get(data._id);
    const seen = row ? row.seen : known.seen;
    if (seen && covers(seen, message)) return;
    rows.delete(data._id);
    if (!scope && !behind(known, data)) rows.set(data._id, { document: data });
    if (rows.size >= 2 * limit + 2 * RESERVE) cut(known);
  }
  function cut(known) {
    const documents = arranged(known);
    for (const { _id } of documents.splice(limit + RESERVE)) known.rows.delete(_id);
    known.edge = documents.at(-1);
    known.next = void 0;
  }
  function short({ rows, seen, edge, next }) {
    if (!seen || next && !edge) return true;
    if (rows.size >= limit || !edge) return false;
    anew ||= !next;
    return true;
  }
  async function load() {
    if (held || resting || stopped) return;
    held = /* @__PURE__ */ new Map();
    while (!resting && !stopped && (anew || short(draft ?? shown))) {
      if (anew) {
        anew = false;
        draft = { rows: /* @__PURE__ */ new Map() };
      }
      held.clear();
      try {
        await page(draft ?? shown, held);
      } catch (failure) {
        fail(failure);
      }
    }
    held = void 0;
    if (resting || stopped || !(draft || error)) return;
    shown = draft ?? shown;
    draft = void 0;
    error = null;
    changed();
  }
  async function page(known, held2) {
    const found = await search({ filter, sort, limit: Math.min(MAX_PAGE, limit), after: known.next });
    if (anew || resting || stopped) return;
    failures = 0;
    known.seen ??= found.seen;
    for (const document of found.documents) known.rows.set(document._id, { document, seen: found.seen });
    known.next = found.next;
    known.edge = found.next && found.complete ? found.documents.at(-1) ?? known.edge : void 0;
    for (const message of held2.values()) if (!covers(found.seen, message)) apply(known, message);
    if (!draft) changed();
  }
  function fail(failure) {
    if (anew || resting || stopped) return;
    error = failure;
    anew = !!draft;
    draft = void 0;
    resting = true;
    changed();
    if (!failure.retry) return;
    timer = clock.set(() => {
      resting = false;
      void load();
    }, 1e3 + backoff(++failures, Math.random));
  }
  function reload() {
    clock.clear(timer);
    anew = true;
    resting = false;
    if (shown.seen) changed();
    void load();
  }
  function hear(message) {
    if (message.change === void 0) return;
    if (message.event === "reset") return reload();
    held?.set(message.data._id, message);
    const known = draft ?? shown;
    if (anew || !known.seen) return;
    apply(known, message);
    if (draft) return;
    changed();
    if (short(known)) void load();
  }
  const leave = bus.subscribe(channel, (_data, _channel, message) => hear(message), {
    filter,
    onGap: reload,
    onSubscribed() {
      if (error || anew) reload();
    },
    onError(failure) {
      clock.clear(timer);
      shown = { rows: /* @__PURE__ */ new Map() };
      draft = void 0;
      error = failure;
      anew = resting = true;
      changed();
    }
  });
  return () => {
    stopped = true;
    clock.clear(timer);
    leave();
  };
}

// clientjs/src/collection.ts
function collection(bus, name, clock = systemClock) {
  const ask = (action, { idempotencyKey, ...fields } = {}) => call(bus, "document", { action, collection: name, ...fields }, idempotencyKey ? { idempotencyKey } : {});
  const many = (action) => async (operations, options) => (await ask(action, { ...options, operations })).results;
  const channel = `documents/${name}`;
  const search = (query) => ask("search", { ...query });
  return {
    name,
    channel,
    get: (id) => ask("get", { id }).catch((error) => {
      if (error.code === "not_found") return null;
      throw error;
    }),
    async mGet(ids) {
      const found = [];
      for (let left = ids; left.length; ) {
        const answer = await ask("mGet", { ids: left });
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
    live: (query, listener) => liveList({ bus, channel, query, clock, search, listener })
  };
}
