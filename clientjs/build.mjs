// Builds clientjs/dist, which is committed: `go build` needs no Node. `node clientjs/build.mjs [folder]`.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = process.argv[2] ?? here("dist");
const common = { bundle: true, minify: true, target: "es2022", legalComments: "none", logLevel: "warning" };
const banner = { js: "/* Tidings client, Apache-2.0 */" };

rmSync(out, { recursive: true, force: true });
for (const [name, options] of Object.entries({
  "tidings.js": { entryPoints: [here("src/index.ts")], format: "esm", banner },
  "tidings.iife.js": { entryPoints: [here("src/index.ts")], format: "iife", globalName: "tidings", banner },
  "react.js": { entryPoints: [here("src/react.ts")], format: "esm", external: ["react", "tidings"], banner: { js: `"use client";${banner.js}` } },
  "testing.js": { entryPoints: [here("src/testing.ts")], format: "esm", banner },
})) {
  await build({ ...common, ...options, outfile: `${out}/${name}`, tsconfig: here("../tsconfig.build.json") });
}
execFileSync(process.execPath, [here("../node_modules/typescript/bin/tsc"), "-p", here("../tsconfig.build.json"), "--outDir", `${out}/types`], { stdio: "inherit" });
