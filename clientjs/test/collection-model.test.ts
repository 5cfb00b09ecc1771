// Live lists against a model of the store, on random days; and the same days with a list that is built wrong, which has to
// be found out.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { build } from "esbuild";
import type { ListQuery, ListState } from "../src/collection.js";
import * as own from "../src/collection.js";
import { orderBy } from "../src/collection/order.js";
import { TidingsError } from "../src/index.js";
import { FakeClock, seeded, settle } from "./helpers/clock.js";
import { FREE, ModelStore, type Content } from "./helpers/store.js";

declare const PROJECT: string;

const queries: ListQuery[] = [
  { filter: FREE, sort: ["place"] },
  { filter: FREE, sort: ["-place"], limit: 5 },
  { sort: ["free", "-place"], limit: 12 },
  { filter: FREE },
];

/** Plays a day with two cuts of the connection, one of which loses messages, and one reset. */
async function day(seed: number, module: typeof own): Promise<{ searches: number; states: number }> {
  const { random } = Math;
  Math.random = seeded(seed + 1_000_000); // of the waits before something is tried again
  try {
    return await play(seed, module);
  } finally {
    Math.random = random;
  }
}

async function play(seed: number, { collection }: typeof own): Promise<{ searches: number; states: number }> {
  const random = seeded(seed);
  const chance = (p: number): boolean => random() < p;
  const below = (n: number): number => Math.floor(random() * n);
  const store = new ModelStore();
  const query = queries[seed % queries.length]!;
  const content = (): Content => ({ place: below(40), free: chance(0.6) });
  for (let i = 0; i < 30; i++) store.write(`d${i}`, content());
  store.publish();
  store.pageSize = 4 + below(20);
  if (chance(0.3)) store.reads = 7;
  const open: (() => void)[] = [];
  let causes = 1;
  let moved = 0;

  function happen(): void {
    for (let i = below(3); i > 0; i--) {
      const begun = store.begin(`d${below(40)}`, chance(0.25) ? null : content());
      if (begun && chance(0.3) && seed % 2) open.push(begun); // commits late, as in PostgreSQL
      else begun?.();
      moved++;
    }
    if (open.length && chance(0.4)) open.splice(below(open.length), 1)[0]!();
    if (chance(0.7)) store.publish();
    if (chance(0.7)) store.deliver(below(4));
  }
  store.barrier = happen;

  const states: ListState<Content>[] = [];
  const clock = new FakeClock();
  const order = orderBy(query.sort ?? []);
  const newest = new Map<string, number>();
  let wrong = "";
  /** What must never be shown. It is kept, since what a listener throws is only reported. */
  function fault({ documents }: ListState<Content>): string {
    if (query.filter && !documents.every((d) => d.free)) return "a row that the filter does not match";
    if (documents.some((d, i) => i && order(documents[i - 1]!, d) >= 0)) return "out of order, or twice";
    if (documents.length > (query.limit ?? Infinity)) return "longer than its limit";
    for (const { _id, _version = 0 } of documents) {
      if (_version < (newest.get(_id) ?? 0)) return "an older version than was shown";
      newest.set(_id, _version);
    }
    return "";
  }
  const stop = collection<Content>(store.bus, "i/c", clock).live(query, (state) => {
    states.push(state);
    wrong ||= fault(state);
  });
  store.subscribed();
  const steps = 60;
  const [cut, lossy, reset, broken] = [below(20), 20 + below(20), below(steps), below(steps)];
  for (let step = 0; step < steps; step++) {
    happen();
    if (step === cut || step === lossy) store.down = true;
    if (step === cut + 5 || step === lossy + 5) {
      if (step === lossy + 5) store.gap(), causes++;
      store.up();
    }
    if (step === broken) store.failing = new TidingsError({ code: "overloaded", retry: true });
    if (step === broken + 3) store.failing = null;
    if (step === reset) {
      store.bulk((all) => [...all.keys()].forEach((id, i) => i % 3 === 0 && all.delete(id)));
      causes++;
    }
    if (chance(0.3)) await settle();
    else await null;
    if (chance(0.2)) await clock.advance(10_000);
  }
  store.barrier = () => {};
  store.failing = null;
  for (const commit of open.splice(0)) commit();
  for (let i = 0; i < 3; i++) {
    store.publish();
    store.deliver();
    await settle();
    await clock.advance(60_000); // what had failed is tried again
  }
  assert.equal(wrong, "");
  const want = store.all(query);
  assert.deepEqual(states.at(-1)?.documents, want.slice(0, query.limit), "not as the store");
  assert.equal(states.at(-1)?.more, want.length > (query.limit ?? Infinity));
  assert.equal(states.at(-1)?.error, null);
  const quiet = store.searches.length;
  await settle();
  await clock.advance(600_000);
  assert.equal(store.searches.length, quiet, "a search without a cause");
  // A search without a cursor is a load: the first, one for each gap and reset, one for each that failed.
  const loads = store.searches.filter((s) => s.after === undefined).length;
  assert.ok(loads <= causes + store.failures, `${loads} loads for ${causes} causes and ${store.failures} failures`);
  const pages = Math.ceil(45 / Math.min(store.pageSize, store.reads - 1)) + 2;
  assert.ok(store.searches.length <= loads * pages + (query.limit ? moved * pages : 0), `${store.searches.length} searches`);
  stop();
  assert.equal(clock.pending, 0);
  return { searches: store.searches.length, states: states.length };
}

const DAYS = 400;
/** Days that once went wrong: a list that the changes filled between two pages was never shown. */
const BAD_DAYS = [3394];

test(`${DAYS} days: at the end the list is what the store has, and on the way no row is out of place`, async (t) => {
  let searches = 0;
  let states = 0;
  for (const seed of [...Array(DAYS).keys(), ...BAD_DAYS]) {
    try {
      const done = await day(seed, own);
      searches += done.searches;
      states += done.states;
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  t.diagnostic(`${searches} searches, ${states} states`);
  assert.ok(states > 10 * DAYS, `${states} states: too little happened`);
});

/** The list with a part of its source replaced. */
async function mutant(from: string, to: string): Promise<typeof own> {
  const file = join(PROJECT, "clientjs/src/collection/list.ts");
  const source = readFileSync(file, "utf8");
  assert.equal(source.split(from).length, 2, `it is in the source once: ${from}`);
  const replace = { name: "replace", setup: (b: any) => b.onLoad({ filter: /collection\/list\.ts$/ }, () => ({ loader: "ts", contents: source.replace(from, to) })) };
  const { outputFiles } = await build({ entryPoints: [join(PROJECT, "clientjs/src/collection.ts")], bundle: true, format: "esm", platform: "node", write: false, plugins: [replace], tsconfig: join(PROJECT, "tsconfig.json") });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles![0]!.text).toString("base64")}`);
}

const mutants: Record<string, [string, string]> = {
  "applies nothing of what came while it searched": ["for (const message of held.values())", "for (const message of [])"],
  "applies what the page has seen already": ["if (seen && covers(seen, message)) return;", ""],
  "forgets a gap while a search is under way": ["anew = true;\n    resting = false;", "anew = !held;\n    resting = false;"],
  "does not load anew after a gap": ["onGap: reload", "onGap: () => {}"],
  "does not load anew after a reset": [`if (message.event === "reset") return reload();`, `if (message.event === "reset") return;`],
  "keeps what its filter does not match any more": ["if (!scope && ", "if ("],
  "takes what lies behind its edge for known": ["const behind = ({ edge }: Known<T>, document: Stored<T>): boolean => !!edge && order(document, edge) > 0;", "const behind = (..._: unknown[]): boolean => false;"],
  "stays short": ["if (short(known)) void load();", ""],
  "takes the end of a search that stopped reading for an edge": ["found.next && found.complete ?", "found.next ?"],
  "forgets that transactions may be open": [" && !open.includes(txn!)", ""],
};
for (const [name, [from, to]] of Object.entries(mutants)) {
  test(`a list that ${name} is found out`, async (t) => {
    const wrong = await mutant(from, to);
    for (let seed = 1; seed <= DAYS; seed++) {
      try {
        await day(seed, wrong);
      } catch (error) {
        t.diagnostic(`seed ${seed}: ${(error as Error).message.split("\n")[0]}`);
        return;
      }
    }
    assert.fail("nobody noticed");
  });
}
