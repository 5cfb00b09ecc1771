import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";

declare const PROJECT: string;
const src = join(PROJECT, "clientjs/src");
const files = (readdirSync(src, { recursive: true }) as string[]).filter((f) => /\.tsx?$/.test(f)).sort();
const read = (file: string): string => readFileSync(join(src, file), "utf8");

/** Returns what a source file imports, of the sources: also types, also by the name of an entry. */
function imports(file: string, text: string): string[] {
  const specs = [...text.matchAll(/(?:\bfrom |\bimport )"([^"]+)"/g)].map(([, spec]) => spec as string);
  const paths = specs.map((spec) => {
    if (spec === "tidings") return "index.ts";
    if (spec.startsWith("tidings/")) return `${spec.slice("tidings/".length).replace("/", "-")}.ts`;
    return spec.startsWith(".") ? normalize(join(dirname(file), spec)).replace(/\.js$/, ".ts") : "";
  });
  return paths.filter(Boolean);
}

/** Returns a circle of imports, as the files on it, if there is one. */
function circle(graph: Map<string, string[]>): string[] | undefined {
  const done = new Set<string>();
  const way: string[] = [];
  function visit(file: string): string[] | undefined {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    way.push(file);
    for (const next of graph.get(file) ?? []) {
      const found = visit(next);
      if (found) return found;
    }
    way.pop();
    done.add(file);
    return undefined;
  }
  for (const file of graph.keys()) {
    const found = visit(file);
    if (found) return found;
  }
  return undefined;
}

const graph = new Map(files.map((file) => [file, imports(file, read(file))]));

test("every import of a source leads to a source", () => {
  assert.ok(graph.size > 40 && graph.get("bus/bus.ts")!.includes("link/connection.ts"), "the sources are read");
  for (const [file, list] of graph) for (const to of list) assert.ok(graph.has(to), `${file} imports ${to}`);
});

test("no source imports itself over others", () => {
  assert.equal(circle(graph), undefined);
});

test("a circle that is planted is found, also one of types", () => {
  const planted = new Map(graph);
  const text = `${read("util/clock.ts")}\nimport type { Tab } from "../tabs/tab.js";`;
  planted.set("util/clock.ts", imports("util/clock.ts", text));
  assert.deepEqual(new Set(circle(planted)).has("util/clock.ts"), true);
  assert.deepEqual(circle(new Map([["a.ts", ["b.ts"]], ["b.ts", ["a.ts"]]])), ["a.ts", "b.ts", "a.ts"]);
});

test("the map in README.md names every file and folder of src, and none that is not there", () => {
  const readme = readFileSync(join(PROJECT, "clientjs/README.md"), "utf8");
  const rows = readme.slice(readme.indexOf("What lies in `src/`")).split("\n").filter((line) => line.startsWith("| `"));
  const named = rows.flatMap((row) => {
    const [where = "", what = ""] = row.split(" | ");
    const folder = /^\| `(\w+\/)`/.exec(where)?.[1] ?? "";
    return [...(folder ? what : where).matchAll(/`([\w-]+\.tsx?)`/g)].map(([, name]) => folder + name);
  });
  assert.deepEqual(named.sort(), files);
});

test("a source is at most 400 lines long", () => {
  for (const file of files) {
    const lines = read(file).split("\n").length - 1;
    assert.ok(lines <= 400, `${file} has ${lines} lines`);
  }
});

test("F85: every option takes undefined as if it were left out", () => {
  for (const file of ["types.ts", "collection/types.ts", "react-collection.ts", "live.ts", "reply.ts", "joined.ts", "react/messages.ts", "react/live.ts", "react/presence.ts", "react/reply.ts"]) {
    for (const [, name, body] of read(file).matchAll(/^export interface (\w*Options)\b[^{]*\{\n([^]*?)^\}/gm)) {
      for (const [line] of (body as string).matchAll(/^  readonly \w+\?: .*$/gm)) assert.match(line, /\| undefined;$/, `${file}, ${name}: ${line.trim()}`);
    }
  }
});
