// Builds clientjs/dist, which is committed: `go build` needs no Node. `node clientjs/build.mjs [folder]`.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The one import on demand, as it stands in the source. */
const tabs = "../tabs.js";

/**
 * In one file nothing is loaded on demand: as a plain import, sharing needs no wrapper around each module that it has
 * in common with the core.
 */
const whole = {
  name: "whole",
  setup: (build) =>
    build.onLoad({ filter: /src\/bus\/bus\.ts$/ }, ({ path }) => ({
      loader: "ts",
      contents: `import { share } from "${tabs}";${readFileSync(path, "utf8").replace(`import("${tabs}")`, "Promise.resolve({ share })")}`,
    })),
};

/** In dist all files lie beside each other. */
const beside = {
  name: "beside",
  setup: (build) => build.onResolve({ filter: /^\.\.\/tabs\.js$/ }, () => ({ path: "./tabs.js", external: true })),
};

/** Without the long texts: an error has its code, and a short hint. */
const terse = {
  name: "terse",
  setup: (build) => build.onLoad({ filter: /src\/core\/texts\.ts$/ }, () => ({ contents: "export const explain = (error) => error;" })),
};

const entries = {
  "tidings.js": { entryPoints: [here("src/index.ts")], format: "esm", plugins: [beside, terse] },
  "tidings.development.js": { entryPoints: [here("src/index.ts")], format: "esm", plugins: [beside] },
  "tabs.js": { entryPoints: [here("src/tabs.ts")], format: "esm" },
  "tidings.iife.js": { entryPoints: [here("src/index.ts")], format: "iife", globalName: "tidings", plugins: [whole] },
  "react.js": { entryPoints: [here("src/react.ts")], format: "esm", external: ["react", "tidings", "tidings/live", "tidings/presence", "tidings/reply"] },
  "react-joined.js": { entryPoints: [here("src/react-joined.ts")], format: "esm", external: ["react", "tidings", "tidings/joined", "tidings/react"] },
  "live.js": { entryPoints: [here("src/live.ts")], format: "esm", external: ["tidings"] },
  "presence.js": { entryPoints: [here("src/presence.ts")], format: "esm", external: ["tidings"] },
  "joined.js": { entryPoints: [here("src/joined.ts")], format: "esm", external: ["tidings"] },
  "collection.js": { entryPoints: [here("src/collection.ts")], format: "esm", external: ["tidings"] },
  "react-collection.js": { entryPoints: [here("src/react-collection.ts")], format: "esm", external: ["react", "tidings", "tidings/collection", "tidings/react"] },
  "call.js": { entryPoints: [here("src/call.ts")], format: "esm", external: ["tidings"] },
  "reply.js": { entryPoints: [here("src/reply.ts")], format: "esm", external: ["tidings"] },
  "testing.js": { entryPoints: [here("src/testing.ts")], format: "esm" },
};
/** The declarations, below dist/types, of which an application may use every name. */
const publicTypes = /^(call|collection(\/types)?|core\/(frames|errors)|util\/(channels|clock)|index|joined|live|presence|react(-collection|-joined|\/\w+)?|bus\/shared|reply|testing|types)\.d\.ts$/;

/** Every word of a text that may be a name. */
const words = (text) => text.match(/[A-Za-z_$][\w$]*/g) ?? [];
const withoutComments = (text) => text.replace(/\/\*[^]*?\*\//g, "");

/**
 * The names that somebody outside of the bundle knows: of the wire (whatever SPEC.md sets as code), of the public
 * types, and of the platform's properties (as TypeScript declares them). A property that is read by a computed name
 * must have one of these.
 */
function outside(types) {
  const known = new Set();
  const add = (list) => list.forEach((w) => known.add(w));
  const spec = readFileSync(here("../protocol/SPEC.md"), "utf8").replace(/```\w*/g, "`");
  for (const [, code] of spec.matchAll(/`([^`]+)`/g)) add(words(code));
  for (const file of readdirSync(types, { recursive: true })) if (publicTypes.test(file)) add(words(withoutComments(readFileSync(`${types}/${file}`, "utf8"))));
  add(["current"]); // of React's refs
  const lib = here(`../node_modules/@typescript/typescript-${process.platform}-${process.arch}/lib`);
  for (const file of readdirSync(lib).filter((f) => /^lib\.(dom|es|decorators).*\.d\.ts$/.test(f))) {
    const text = withoutComments(readFileSync(`${lib}/${file}`, "utf8"));
    for (const [, name] of text.matchAll(/^\s+(?:readonly |get |set )*"?([A-Za-z_$][\w$]*)"?\??\s*[(:<]/gm)) known.add(name);
    for (const [, name] of text.matchAll(/declare (?:var|function) (\w+)/g)) known.add(name);
  }
  return known;
}

/** A name for what the sources hold. */
function fingerprint() {
  const hash = createHash("sha256");
  for (const file of readdirSync(here("src"), { recursive: true }).filter((f) => f.endsWith(".ts")).sort()) hash.update(readFileSync(here(`src/${file}`)));
  return hash.digest("hex").slice(0, 8);
}

/** Builds everything into a folder. Returns the names of properties that it made short. */
export async function main(out = here("dist")) {
  const common = { bundle: true, minify: true, target: "es2022", legalComments: "none", logLevel: "warning", tsconfig: here("../tsconfig.build.json"), define: { BUILD: JSON.stringify(fingerprint()) } };
  rmSync(out, { recursive: true, force: true });
  execFileSync(process.execPath, [here("../node_modules/typescript/bin/tsc"), "-p", here("../tsconfig.build.json"), "--outDir", `${out}/types`], { stdio: "inherit" });
  const known = outside(`${out}/types`);
  // Every other property gets a short name, the same in all files, so that what hangs on the core can be a file of its
  // own.
  const all = await build({ ...common, ...entries["tidings.iife.js"], mangleProps: /./, mangleCache: {}, write: false });
  const internal = Object.keys(all.mangleCache).filter((name) => !known.has(name));
  const mangleProps = new RegExp(`^(${internal.join("|")})$`);
  let mangleCache = {};
  for (const [name, entry] of Object.entries(entries)) {
    const banner = `${name.startsWith("react") ? '"use client";' : ""}/* Tidings, Apache-2.0 */`;
    const bundle = await build({ ...common, ...entry, mangleProps, mangleCache, write: false });
    ({ mangleCache } = bundle);
    // esbuild bundles; terser's names for variables are worth a further 5 % after gzip.
    let code = bundle.outputFiles[0].text;
    ({ code } = await minify(code, { module: entry.format === "esm", ecma: 2022, compress: { passes: 3, unsafe: true, unsafe_arrows: true, unsafe_comps: true, unsafe_methods: true, pure_getters: true, sequences: false, lhs_constants: false }, format: { preamble: banner } }));
    writeFileSync(`${out}/${name}`, `${code}\n`);
  }
  return internal;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv[2]);
