/* Tidings, Apache-2.0 */

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

// clientjs/src/testing/documents.ts
var fail = (code) => {
  throw Object.assign(new Error(code), { code, hint: "It is a fake store that says so.", retry: false });
};
var isObject = (value) => !!value && typeof value === "object" && !Array.isArray(value);
function merge(into, part) {
  const merged = { ...into };
  for (const [name, value] of Object.entries(part)) merged[name] = isObject(value) && isObject(merged[name]) ? merge(merged[name], value) : value;
  return merged;
}
function without(content, path) {
  const [name = "", ...rest] = path.split(".");
  const { [name]: inner, ...others } = content;
  if (!rest.length) return others;
  return isObject(inner) ? { ...content, [name]: without(inner, rest.join(".")) } : content;
}
function createFakeDocuments(matches, changed) {
  const collections = /* @__PURE__ */ new Map();
  let changes = 0;
  function of(collection) {
    let documents = collections.get(collection);
    if (!documents) collections.set(collection, documents = /* @__PURE__ */ new Map());
    return documents;
  }
  function write(collection, id, content, event) {
    const documents = of(collection);
    const before = documents.get(id) ?? null;
    const version = ++changes;
    const after = content && { ...content, _id: id, _version: version, _info: { author: null, createdAt: 0, updater: null, updatedAt: null } };
    if (after) documents.set(id, after);
    else documents.delete(id);
    changed(collection, event, version, before, after);
    return { event, id, version, document: after ?? before };
  }
  function contentOf(collection, id) {
    const { _id, _version, _info, ...content } = of(collection).get(id) ?? {};
    return _id === void 0 ? void 0 : content;
  }
  function operate(collection, { action, id = `fake-${changes + 1}`, content = {}, default: base, fields = [], version }) {
    const there = contentOf(collection, id);
    if (version !== void 0 && there && of(collection).get(id)?._version !== version) fail("version_conflict");
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
  function search({ collection, filter, sort = [], limit = 100, after = "0" }) {
    const found = [...of(collection).values()].filter((d) => !filter || matches(filter, d)).sort(orderBy(sort));
    const end = Number(after) + limit;
    return { documents: found.slice(Number(after), end), next: end < found.length ? `${end}` : void 0, complete: true, total: found.length, seen: { before: changes + 1, next: changes + 1, open: [] } };
  }
  function several(collection, operations) {
    return operations.map((operation) => {
      try {
        return operate(collection, operation);
      } catch (error) {
        const { code, message, hint, retry } = error;
        return { id: operation.id, error: { code, message, hint, retry } };
      }
    });
  }
  return {
    /** Sets documents by their ids, without those that are null. */
    set(collection, documents) {
      for (const [id, content] of Object.entries(documents)) write(collection, id, content, content ? of(collection).has(id) ? "updated" : "created" : "removed");
    },
    /** What a call of `document` is answered. */
    answer(request) {
      const { action, collection, id = "", ids = [], filter = {}, operations = [] } = request;
      const documents = of(collection);
      const many = /^m([A-Z])(.*)$/.exec(action);
      if (action === "get") return documents.get(id) ?? fail("not_found");
      if (action === "mGet") return { documents: ids.flatMap((i) => documents.get(i) ?? []) };
      if (action === "search") return search(request);
      if (action === "bulk") return { results: several(collection, operations) };
      if (many) return { results: several(collection, operations.map((o) => ({ ...o, action: many[1].toLowerCase() + many[2] }))) };
      if (action.endsWith("ByQuery")) {
        const found = [...documents.values()].filter((d) => matches(filter, d));
        for (const { _id } of found) operate(collection, { ...request, action: action.slice(0, -7), id: _id });
        return { matched: found.length, changed: found.length, complete: true };
      }
      return operate(collection, request);
    }
  };
}

// clientjs/src/testing.ts
function createFakeBus({ matches = () => true } = {}) {
  const subscriptions = /* @__PURE__ */ new Set();
  const published = [];
  const kept = /* @__PURE__ */ new Map();
  const listeners = /* @__PURE__ */ new Set();
  let status = { state: "idle", transport: null, error: null };
  const requests = [];
  const frameListeners = /* @__PURE__ */ new Set();
  const present = /* @__PURE__ */ new Map();
  let replies = 0;
  const wants = (filter, data) => {
    const ids = filter?.ids?.values;
    return !filter || (ids ? ids.includes(data?._id) : matches(filter, data));
  };
  const documents = createFakeDocuments(wants, (collection, event, change, before, after) => {
    const removed = after ? {} : { scope: "out" };
    deliver(`documents/${collection}`, after ?? before ?? {}, { event, change, ...removed }, {}, before);
  });
  let answer = ({ method, data: asked }) => {
    if (method === "document") return { data: documents.answer(asked) };
    if (method !== "reply") return {};
    const data = { channel: `$reply/fake-${++replies}`, publish: `api/reply?to=fake-${replies}`, expires: 0 };
    return { ...top(data.channel), data };
  };
  let failure = null;
  const whoIsIn = (channel) => {
    const members = present.get(channel) ?? [];
    return { members, count: members.length };
  };
  const joined = /* @__PURE__ */ new Map();
  function tell(frame) {
    if (frame.type === "subscribed") joined.set(frame.channel, frame);
    if (frame.type === "unsubscribed") joined.delete(frame.channel);
    for (const listener of [...frameListeners]) listener(frame);
  }
  const of = (channel) => [...subscriptions].filter((s) => s.channel === channel);
  const messages = (channel) => kept.get(channel) ?? [];
  const top = (channel) => {
    const { epoch, offset, tag } = messages(channel).at(-1) ?? { epoch: "fake", offset: 0, tag: "" };
    return { epoch, offset, tag };
  };
  function setStatus(part) {
    status = { ...status, ...part };
    for (const listener of [...listeners]) listener(status);
  }
  const start = () => {
    if (status.state === "idle") setStatus({ state: "connected", transport: "websocket" });
  };
  const offline = () => setStatus({ state: "waiting", transport: null });
  function deliver(channel, data, fields, options, before) {
    const { epoch, offset } = top(channel);
    const next = { channel, data, epoch, offset: offset + 1, tag: `t${offset + 1}`, id: `${channel}#${offset + 1}`, time: 0, ...fields };
    kept.set(channel, [...messages(channel), next]);
    if (before === void 0) published.push({ channel, data, options });
    for (const s of of(channel).filter((own) => subscriptions.has(own))) {
      if (wants(s.options.filter, data)) s.onMessage(next.data, channel, next);
      else if (before && wants(s.options.filter, before)) s.onMessage(next.data, channel, { ...next, scope: "out" });
    }
    return next;
  }
  return {
    get subscriptions() {
      return [...subscriptions];
    },
    published,
    message: (channel, data, fields = {}) => deliver(channel, data, fields, {}),
    setStatus,
    gap(channel, reason = "history_expired") {
      const gap = { channel, reason, last: top(channel), from: top(channel) };
      for (const s of of(channel)) s.options.onGap?.(gap);
    },
    requests,
    documents: documents.set,
    answerWith(next) {
      answer = next;
    },
    frame: tell,
    presence(channel, members) {
      present.set(channel, members);
      tell({ type: "presence", channel, ...whoIsIn(channel) });
    },
    failWith(error) {
      failure = error;
    },
    subscribe(channel, onMessage, options = {}) {
      const subscription = { channel, onMessage, options };
      if (status.state === "closed") return () => {
      };
      subscriptions.add(subscription);
      start();
      options.onSubscribed?.(top(channel));
      return () => void subscriptions.delete(subscription);
    },
    async publish(channel, data, options = {}) {
      if (failure) throw failure;
      const { idempotencyKey: _, ...fields } = options;
      const { epoch, offset, tag } = deliver(channel, data, fields, options);
      return { epoch, offset, tag };
    },
    async history(channel) {
      if (failure) throw failure;
      return { messages: messages(channel), position: top(channel), complete: true };
    },
    async request(frame) {
      if (failure) throw failure;
      requests.push(frame);
      const { type, channel = "", users } = frame;
      if (type === "presence") {
        if (users && users !== "none") tell({ type, channel, ...whoIsIn(channel) });
        return { type: "reply", id: requests.length, ...whoIsIn(channel) };
      }
      return { type: "reply", id: requests.length, ...answer(frame) };
    },
    onFrame(listener) {
      for (const frame of joined.values()) listener(frame);
      frameListeners.add(listener);
      return () => void frameListeners.delete(listener);
    },
    async refresh() {
      if (failure) throw failure;
    },
    url: "https://fake.example/bus",
    get status() {
      return status;
    },
    onStatus(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    use: ([transport]) => setStatus({ transport: transport ?? null }),
    close() {
      subscriptions.clear();
      setStatus({ state: "closed", transport: null });
    },
    debug: { cut: offline, hold: offline, release: () => setStatus({ state: "connected", transport: "websocket" }) }
  };
}
export {
  createFakeBus
};
//# sourceMappingURL=testing.js.map
