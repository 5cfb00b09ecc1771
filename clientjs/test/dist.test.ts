import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import vm from "node:vm";
import { build } from "esbuild";
import { minify } from "terser";
import { Window } from "happy-dom";
import { createFakeBus } from "../src/testing.js";

declare const PROJECT: string;
const dist = join(PROJECT, "clientjs/dist");
const read = (name: string): string => readFileSync(join(dist, name), "utf8");
const files = (folder: string): string[] =>
  (readdirSync(folder, { recursive: true }) as string[]).filter((f) => statSync(join(folder, f)).isFile()).sort();

test("the committed dist is what a fresh build makes", () => {
  const fresh = mkdtempSync(join(tmpdir(), "tidings-dist-"));
  try {
    execFileSync(process.execPath, [join(PROJECT, "clientjs/build.mjs"), fresh]);
    assert.deepEqual(files(dist), files(fresh));
    for (const f of files(fresh)) assert.ok(read(f) === readFileSync(join(fresh, f), "utf8"), `${f} differs: npm run build, and commit`);
  } finally {
    rmSync(fresh, { recursive: true });
  }
});

/** Most bytes after gzip. */
const budgets = { "tidings.js": 9.8 * 1024, "tidings.iife.js": 14.8 * 1024, "tabs.js": 5.4 * 1024, "joined.js": 512, "react-joined.js": 512, "react.js": 2 * 1024, "live.js": 1.5 * 1024, "presence.js": 1024, "reply.js": 1024, "call.js": 512, "collection.js": 3 * 1024, "react-collection.js": 1024, "testing.js": 2.75 * 1024 };
for (const [name, budget] of Object.entries(budgets)) {
  test(`${name} is at most ${budget} bytes after gzip`, (t) => {
    const size = gzipSync(read(name), { level: 9 }).length;
    t.diagnostic(`${name}: ${size} bytes`);
    assert.ok(size <= budget, `${size} bytes`);
  });
}

/**
 * What a page's own bundle holds that imports `names`: made from the published files, without React, and without tab
 * sharing unless it is among the names.
 */
async function bundled(names: string, conditions: string[] = ["production"]): Promise<string> {
  const contents = names.split(", ").map((name) => {
    const entry = name === "createMessageBus" ? "tidings" : name === "liveQuery" ? "tidings/live" : name === "watchPresence" ? "tidings/presence" : name === "replyChannel" ? "tidings/reply" : name === "collection" ? "tidings/collection" : name === "useCollection" ? "tidings/react/collection" : "tidings/react";
    if (name === "tab sharing") return "";
    return name === "everything" ? ["", "/react", "/react/joined", "/live", "/presence", "/joined", "/reply", "/call"].map((e) => `export * from "tidings${e}";`).join("") : `export { ${name} } from "${entry}";`;
  });
  const { outputFiles } = await build({
    stdin: { contents: contents.join(""), resolveDir: PROJECT }, bundle: true, minify: true, format: "esm", target: "es2022", write: false, conditions,
    external: names.includes("tab sharing") ? ["react"] : ["react", "./tabs.js"],
    tsconfigRaw: "{}", // the project's own leads to the sources
  });
  return (outputFiles[0] as { text: string }).text;
}

const sizes = [...readFileSync(join(PROJECT, "clientjs/README.md"), "utf8").matchAll(/^\| (.+) \| ([\d.]+) KB \|$/gm)].map(
  ([, names, kb]) => [(names as string).replaceAll("`", ""), Number(kb)] as const,
);
test("README.md states the sizes", () => {
  assert.deepEqual(sizes.map(([names]) => names), ["createMessageBus", "createMessageBus, collection", "useMessageBus", "useMessageBus, useBusQuery", "useMessageBus, useCollection", "everything", "everything, tab sharing"]);
  assert.ok(sizes.find(([n]) => n === "createMessageBus")![1] <= 9.8 && sizes.find(([n]) => n === "everything")![1] <= 13.75);
});
for (const [names, kb] of sizes) {
  test(`a bundle with ${names} is at most ${kb} KB after gzip, as README.md says`, async (t) => {
    const { code = "" } = await minify(await bundled(names), { module: true, ecma: 2022 }); // as most bundlers do it
    const size = gzipSync(code, { level: 9 }).length;
    t.diagnostic(`${names}: ${size} bytes`);
    assert.ok(size <= kb * 1024, `${size} bytes`);
  });
}

test("who imports useMessageBus alone gets no presence", async () => {
  const [messages, presence] = await Promise.all([bundled("useMessageBus"), bundled("watchPresence")]);
  assert.ok(presence.includes("not_subscribed") && !messages.includes("not_subscribed"));
});

test("who imports useMessageBus alone gets no documents, and collection.js needs no other file", async () => {
  const [messages, list] = await Promise.all([bundled("useMessageBus"), bundled("useCollection")]);
  assert.ok(list.includes("documents/") && !messages.includes("documents/"));
  assert.doesNotMatch(read("collection.js"), /\bimport\b|\brequire\(/);
  assert.ok(read("react-collection.js").startsWith('"use client"'));
});

/** A text by which a bundle shows that it holds liveQuery. */
const mark = "it is polled";
test("who imports useMessageBus alone gets no useBusQuery, and the core gets no React", async () => {
  const [core, messages, query] = await Promise.all([bundled("createMessageBus"), bundled("useMessageBus"), bundled("useBusQuery")]);
  assert.ok(query.includes(mark) && !messages.includes(mark) && !core.includes(mark));
  assert.ok(!core.includes('"react"') && messages.includes('"react"'));
  assert.ok(messages.length < query.length - 2_000, "the query is not in it");
});

/** Texts of the client's own failures, of which a production bundle has the codes. */
const long = ["The server was not reached.", "The bus is closed.", "No answer: the outcome is unknown.", "answers, but not as Tidings", "is no channel name"];
test("long texts are in bundles for development and in the script tag's file, and in no other", async () => {
  const holds = (code: string): string[] => long.filter((text) => code.includes(text));
  const [production, none, development] = await Promise.all([bundled("everything, tab sharing"), bundled("createMessageBus", []), bundled("createMessageBus", ["development"])]);
  assert.deepEqual([holds(production), holds(none)], [[], []]);
  assert.deepEqual([holds(development), holds(read("tidings.iife.js"))], [long, long]);
  const names = Object.keys(await import(join(dist, "tidings.development.js")));
  assert.deepEqual(names.sort(), ["TidingsError", "createMessageBus", "sharedMessageBus"], "else it is the same");
});

test("without long texts an error has its code, and a hint", async () => {
  const { createMessageBus } = (await import(join(dist, "tidings.js"))) as typeof import("../src/index.js");
  const bus = createMessageBus({ url: "http://127.0.0.1:1/bus" });
  bus.close();
  const error = await bus.publish("a", 1).then(() => assert.fail("it is closed"), (e) => e);
  assert.deepEqual([error.code, error.message, error.hint, error.retry], ["closed", "closed", "SPEC.md section 8 says what closed means.", false]);
});

test("no name that the build shortens is one of the wire, of the public types or of the platform", async () => {
  const { main } = (await import(join(PROJECT, "clientjs/build.mjs"))) as { main(out: string): Promise<string[]> };
  const fresh = mkdtempSync(join(tmpdir(), "tidings-names-"));
  const internal = await main(fresh);
  rmSync(fresh, { recursive: true });
  assert.ok(internal.length > 20 && internal.includes("retryLater"), internal.join());
  const used = new Set<string>();
  for (const platform of [globalThis, new Window()] as object[]) {
    for (const name of Object.getOwnPropertyNames(platform).filter((n) => n !== "process")) {
      const value = (platform as Record<string, any>)[name];
      for (const holder of [value, value?.prototype]) if (Object(holder) === holder) Object.getOwnPropertyNames(holder).forEach((n) => used.add(n));
    }
  }
  const frames = JSON.parse(readFileSync(join(PROJECT, "protocol/testdata/frames.json"), "utf8")) as { frame?: object | object[] }[];
  for (const { frame = [] } of frames) for (const f of [frame].flat()) Object.keys(f).forEach((n) => used.add(n));
  const fake = createFakeBus();
  for (const name of [...Object.keys(fake), ...Object.keys(fake.debug), "transports", "getToken", "code", "hint", "retry", "current"]) used.add(name);
  for (const known of ["received", "idempotencyKey", "addEventListener", "signal", "size", "onStatus"]) assert.ok(used.has(known), known);
  assert.deepEqual(internal.filter((n) => used.has(n)), []);
});

test("the React file imports the core and React, and holds neither", () => {
  const imports = [...new Set([...read("react.js").matchAll(/from"([^"]+)"/g)].map((m) => m[1]))].sort();
  assert.deepEqual(imports, ["react", "tidings", "tidings/live", "tidings/presence", "tidings/reply"]);
  assert.ok(read("react.js").startsWith('"use client"'));
});

test("the core imports what shares a connection among tabs, when it is needed; other files import nothing", () => {
  for (const name of ["tidings.js", "tidings.development.js"]) assert.deepEqual(read(name).match(/\bimport\b[^)]*\)|\brequire\(/g), ['import("./tabs.js")']);
  for (const name of ["tabs.js", "tidings.iife.js", "testing.js"]) assert.doesNotMatch(read(name), /\bimport\b|\brequire\(/, name);
});

test("who imports useMessageBus gets the sharing of tabs in a file of its own, which is loaded on demand", async () => {
  const { outputFiles } = await build({
    stdin: { contents: 'export { useMessageBus } from "tidings/react";', resolveDir: PROJECT }, bundle: true, minify: true, splitting: true, format: "esm", target: "es2022",
    external: ["react"], write: false, outdir: "out", entryNames: "page", chunkNames: "chunk-[hash]",
  });
  const [page] = outputFiles.filter((f) => f.path.endsWith("page.js"));
  const chunks = outputFiles.filter((f) => f !== page && f.text.includes("BroadcastChannel"));
  assert.ok(page && !page.text.includes("BroadcastChannel") && !page.text.includes("steal"));
  assert.equal(chunks.length, 1);
  const [, name] = /import\("\.\/(chunk-\w+\.js)"\)/.exec(outputFiles.map((f) => f.text).join("")) ?? [];
  assert.ok(chunks[0]?.path.endsWith(name as string), "and it is what the core imports");
});

test("the entries of package.json load, and export what they should", async () => {
  const load = (entry: string): Promise<object> => import(entry); // by its public name, through the exports map
  assert.deepEqual(Object.keys(await load("tidings")).sort(), ["TidingsError", "createMessageBus", "sharedMessageBus"]);
  assert.deepEqual(Object.keys(await load("tidings/react")).sort(), ["MessageBusProvider", "useBus", "useBusQuery", "useBusStatus", "useEffectWithPolling", "useLiveQuery", "useMessageBus", "usePresence", "useReplyChannel"]);
  assert.deepEqual(Object.keys(await load("tidings/live")), ["liveQuery"]);
  assert.deepEqual(Object.keys(await load("tidings/presence")).sort(), ["getPresence", "watchPresence"]);
  assert.deepEqual(Object.keys(await load("tidings/react/joined")).sort(), ["useJoined", "useServerEvent"]);
  assert.deepEqual(Object.keys(await load("tidings/joined")).sort(), ["onEvent", "onJoined", "pageConnectionId"]);
  assert.deepEqual(Object.keys(await load("tidings/call")).sort(), ["call"]);
  assert.deepEqual(Object.keys(await load("tidings/collection")), ["collection"]);
  assert.deepEqual(Object.keys(await load("tidings/react/collection")).sort(), ["useCollection", "useDocument"]);
  assert.deepEqual(Object.keys(await load("tidings/reply")).sort(), ["JobError", "replyChannel"]);
  assert.deepEqual(Object.keys(await load("tidings/testing")), ["createFakeBus"]);
  assert.deepEqual(Object.keys(await load("tidings/vite")), ["tidings"]);
});

test("the script tag's global is tidings", () => {
  const page = vm.createContext({});
  vm.runInContext(read("tidings.iife.js"), page);
  assert.deepEqual(vm.runInContext("Object.keys(tidings).sort().join()", page), "TidingsError,createMessageBus,sharedMessageBus");
  assert.equal(vm.runInContext("typeof tidings.createMessageBus({ fetch() {}, transports: ['sse'] }).subscribe", page), "function");
});
