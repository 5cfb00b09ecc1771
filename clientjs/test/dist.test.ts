import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import vm from "node:vm";
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
const budgets = { "tidings.js": 8 * 1024, "tidings.iife.js": 8.25 * 1024, "react.js": 1.5 * 1024, "testing.js": 1.5 * 1024 };
for (const [name, budget] of Object.entries(budgets)) {
  test(`${name} is at most ${budget} bytes after gzip`, (t) => {
    const size = gzipSync(read(name), { level: 9 }).length;
    t.diagnostic(`${name}: ${size} bytes`);
    assert.ok(size <= budget, `${size} bytes`);
  });
}

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
  for (const name of [...Object.keys(fake), ...Object.keys(fake.debug), "transports", "getToken", "code", "hint", "retry"]) used.add(name);
  for (const known of ["received", "idempotencyKey", "addEventListener", "signal", "size", "onStatus"]) assert.ok(used.has(known), known);
  assert.deepEqual(internal.filter((n) => used.has(n)), []);
});

test("the React file imports the core and React, and holds neither", () => {
  const imports = [...new Set([...read("react.js").matchAll(/from"([^"]+)"/g)].map((m) => m[1]))].sort();
  assert.deepEqual(imports, ["react", "tidings"]);
  assert.ok(read("react.js").startsWith('"use client"'));
});

test("the core and the fake bus import nothing", () => {
  for (const name of ["tidings.js", "tidings.iife.js", "testing.js"]) assert.doesNotMatch(read(name), /\bimport\b|\brequire\(/, name);
});

test("the entries of package.json load, and export what they should", async () => {
  const load = (entry: string): Promise<object> => import(entry); // by its public name, through the exports map
  assert.deepEqual(Object.keys(await load("tidings")).sort(), ["TidingsError", "createMessageBus", "sharedMessageBus"]);
  assert.deepEqual(Object.keys(await load("tidings/react")).sort(), ["MessageBusProvider", "useBus", "useBusStatus", "useMessageBus"]);
  assert.deepEqual(Object.keys(await load("tidings/testing")), ["createFakeBus"]);
});

test("the script tag's global is tidings", () => {
  const page = vm.createContext({});
  vm.runInContext(read("tidings.iife.js"), page);
  assert.deepEqual(vm.runInContext("Object.keys(tidings).sort().join()", page), "TidingsError,createMessageBus,sharedMessageBus");
  assert.equal(vm.runInContext("typeof tidings.createMessageBus({ fetch() {}, transports: ['sse'] }).subscribe", page), "function");
});
