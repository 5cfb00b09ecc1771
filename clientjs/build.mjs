// Builds clientjs/dist, which is committed: `go build` needs no Node. `node clientjs/build.mjs [folder]`.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
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

/** The entries of the package but the core, by their files; `tidings/react/joined` is `react-joined`. */
const entries = ["react", "react-joined", "react-collection", "live", "presence", "joined", "collection", "call", "reply", "testing"];
/** Entries for tools that run in Node, which no page loads: `tidings/vite`. */
const tools = ["vite"];
const external = ["react", "tidings", "tidings/*"];
const source = (name) => here(`src/${name === "tidings" ? "index" : name}.ts`);

/** What the server hands out, below `/client/`: for pages without a bundler, so it is as small as can be. */
const served = {
  "tidings.js": { entryPoints: [source("tidings")], plugins: [beside, terse] },
  "tidings.development.js": { entryPoints: [source("tidings")], plugins: [beside] },
  "tabs.js": { entryPoints: [source("tabs")] },
  "tidings.iife.js": { entryPoints: [source("tidings")], format: "iife", globalName: "tidings", plugins: [whole] },
  ...Object.fromEntries(entries.map((name) => [`${name}.js`, { entryPoints: [source(name)], external }])),
};

/** In the package an entry finds the others beside it, so that all are of one form. */
const siblings = {
  name: "siblings",
  setup: (build) =>
    build.onResolve({ filter: /^tidings(\/|$)/ }, ({ path }) => ({ path: `./${path === "tidings" ? path : path.slice("tidings/".length).replace("/", "-")}.js`, external: true })),
};

/**
 * What the package has for bundlers and Node, by folder: readable, for it is they who minify. Where `short`, properties
 * that nobody outside knows have short names, and errors are terse: a bundle for production is a tenth smaller.
 */
const forms = {
  esm: { format: "esm", sourcemap: "linked", short: true },
  development: { format: "esm", sourcemap: "linked" },
  cjs: { format: "cjs", supported: { "dynamic-import": false } }, // of which Jest knows nothing
};

/** What an import in React Native throws. */
const noReactNative =
  "tidings does not run in React Native: it needs streams, URL and AbortSignal as browsers have them. Use it in a WebView, or ask the server by fetch: GET /bus/poll?channel=…";

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

const banner = (name) => `${name.startsWith("react") ? '"use client";' : ""}/* Tidings, Apache-2.0 */`;

/** Builds what the server hands out. Properties of `mangleProps` get short names, the same in all files. */
async function serve(out, common, mangleProps) {
  let mangleCache = {};
  for (const [name, entry] of Object.entries(served)) {
    const bundle = await build({ format: "esm", ...common, ...entry, minify: true, mangleProps, mangleCache, write: false });
    ({ mangleCache } = bundle);
    // esbuild bundles; terser's names for variables are worth a further 5 % after gzip.
    const { code } = await minify(bundle.outputFiles[0].text, { module: entry.format !== "iife", ecma: 2022, compress: { passes: 3, unsafe: true, unsafe_arrows: true, unsafe_comps: true, unsafe_methods: true, pure_getters: true, sequences: false, lhs_constants: false }, format: { preamble: banner(name) } });
    writeFileSync(`${out}/${name}`, `${code}\n`);
  }
  return mangleCache;
}

/** Builds one form of the package into a folder. */
async function form(out, folder, common, { short, ...options }, mangle) {
  mkdirSync(`${out}/${folder}`);
  for (const name of ["tidings", "tabs", ...entries, ...tools]) {
    const plugins = [siblings, beside, ...(short ? [terse] : [])];
    const how = tools.includes(name) ? { platform: "node" } : short && mangle;
    const outfile = here(`dist/${folder}/${name}.js`); // wherever it is written to, maps lead to the sources from there
    const { outputFiles } = await build({ ...common, ...options, ...how, entryPoints: [source(name)], external: ["react"], outfile, plugins, banner: { js: banner(name) }, write: false });
    for (const { path, contents } of outputFiles) writeFileSync(`${out}/${folder}/${basename(path)}`, contents);
  }
}

/** Builds everything into a folder. Returns the names of properties that it made short. */
export async function main(out = here("dist")) {
  const name = fingerprint();
  const common = (build) => ({ bundle: true, target: "es2022", legalComments: "none", logLevel: "warning", tsconfig: here("../tsconfig.build.json"), define: { BUILD: JSON.stringify(build) } });
  rmSync(out, { recursive: true, force: true });
  const tsc = (...args) => execFileSync(process.execPath, [here("../node_modules/typescript/bin/tsc"), "-p", here("../tsconfig.build.json"), ...args], { stdio: "inherit" });
  tsc("--outDir", `${out}/types`);
  const known = outside(`${out}/types`);
  // Every other property gets a short name, the same in all files, so that what hangs on the core can be a file of its
  // own.
  const all = await build({ ...common(name), ...served["tidings.iife.js"], minify: true, mangleProps: /./, mangleCache: {}, write: false });
  const internal = Object.keys(all.mangleCache).filter((name) => !known.has(name));
  const mangleProps = new RegExp(`^(${internal.join("|")})$`);
  const mangleCache = await serve(out, common(name), mangleProps);
  // Tabs share a connection if their files are of one build, and name the same things alike.
  for (const [folder, options] of Object.entries(forms)) await form(out, folder, common(options.short ? name : `${name}-long`), options, { mangleProps, mangleCache });
  // For CommonJS the same declarations, where TypeScript takes them for CommonJS.
  cpSync(`${out}/types`, `${out}/cjs/types`, { recursive: true });
  writeFileSync(`${out}/cjs/package.json`, '{ "type": "commonjs" }\n');
  writeFileSync(`${out}/react-native.cjs`, `throw new Error(${JSON.stringify(noReactNative)});\n`);
  return internal;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv[2]);
