// What clients of Feathers do, whatever they are connected by: the same programs run against the original server and
// against Tidings. Intended differences: a record has createdAt and updatedAt; errors have our code and hint as data; an
// event comes when the change is on the disk, which may be after the answer.
export const events = ["created", "updated", "patched", "removed"];

/** A copy without what JSON does not have. */
export const own = (value) => JSON.parse(JSON.stringify(value ?? null));

/** Resolves with the data of `count` events of a service. */
export const heard = (service, event, count = 1) =>
  new Promise((resolve) => {
    const list = [];
    service.on(event, (data) => list.push(own(data)) === count && resolve(list));
  });

const failure = async (call) => {
  try {
    await call;
  } catch (error) {
    return { name: error.name, code: error.code, className: error.className, message: error.message };
  }
  throw new Error("it did not fail");
};

/** A copy without what is known to be otherwise. */
export const plain = (value) =>
  JSON.parse(JSON.stringify(value), (key, inner) => (key === "createdAt" || key === "updatedAt" || (key === "data" && inner?.hint !== undefined) || (key === "errors" && !Object.keys(inner ?? {}).length) || key === "hook" ? undefined : inner));

/** A copy with the keys of objects in order: that says nothing. */
export const ordered = (value) =>
  Array.isArray(value) ? value.map(ordered) : value !== null && typeof value === "object" ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, ordered(value[key])])) : value;

export const programs = {
  "writes, reads, and hears": async (app) => {
    const messages = app.service("messages");
    const all = Promise.all([heard(messages, "created", 3), heard(messages, "updated"), heard(messages, "patched"), heard(messages, "removed")]);
    const got = [];
    for (const [id, text, n] of [["a", "one", 1], ["b", "two", 2], ["c", "three", 3]]) got.push(await messages.create({ id, text, n }));
    got.push(await messages.get("b"), await messages.update("a", { text: "uno", n: 1 }), await messages.patch("b", { more: { x: null } }), await messages.remove("c"));
    return { got, heard: await all };
  },
  "finds": async (app) => {
    const messages = app.service("messages");
    for (let n = 0; n < 5; n++) await messages.create({ id: `f${n}`, kind: "f", n, odd: n % 2 === 1, name: `name ${n}` });
    const got = [];
    for (const query of [
      { kind: "f", $sort: { n: 1 } },
      { kind: "f", $sort: { n: -1 }, $limit: 2 },
      { kind: "f", $sort: { n: 1 }, $limit: 2, $skip: 3 },
      { kind: "f", $limit: 0 },
      { kind: "f", n: { $gt: 1, $lte: 3 }, $sort: { n: 1 } },
      { kind: "f", n: { $in: [0, 4] }, $sort: { n: 1 } },
      { kind: "f", n: { $nin: [0, 4] }, $sort: { n: 1 } },
      { kind: "f", odd: { $ne: true }, $sort: { n: 1 } },
      { kind: "f", $or: [{ n: 0 }, { name: "name 3" }], $sort: { n: 1 } },
      { kind: "f", odd: true, $sort: { n: 1 }, $select: ["id", "name"] },
      { kind: "nothing" },
    ])
      got.push(await messages.find({ query }));
    got.push(await messages.get("f1", { query: { $select: ["n"] } }));
    return { got };
  },
  "writes several": async (app) => {
    const messages = app.service("messages");
    const all = Promise.all([heard(messages, "created", 3), heard(messages, "patched", 2), heard(messages, "removed", 2)]);
    const got = [await messages.create([0, 1, 2].map((n) => ({ id: `s${n}`, several: true, n })))];
    const byId = (list) => list.slice().sort((a, b) => a.id.localeCompare(b.id));
    got.push(byId(await messages.patch(null, { seen: true }, { query: { several: true, n: { $gt: 0 } } })));
    got.push(byId(await messages.remove(null, { query: { several: true, seen: { $ne: true } } })));
    got.push(await messages.patch(null, { seen: true }, { query: { several: "none" } }), await messages.create([]));
    got.push(await messages.remove(null, { query: { several: true, n: 1 } }));
    return { got, heard: (await all).map(byId) };
  },
  "fails": async (app) => {
    const messages = app.service("messages");
    return {
      got: [
        await failure(messages.get("no such")),
        await failure(messages.remove("no such")),
        await failure(messages.patch("no such", { a: 1 })),
        await failure(messages.update("no such", { a: 1 })),
        await failure(app.service("nowhere").find({ query: {} })),
      ],
    };
  },
};

/** What a Tidings of these programs is set up with: one service, heard by everybody. */
export const config = `
gateways: {feathers: {services: ["messages main/messages"]}}
joins: {anonymous: [everybody, also]}
routing:
  - {event: "documents/main/messages *", to: [everybody, also]}
`;
