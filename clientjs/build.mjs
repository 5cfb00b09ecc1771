// Builds clientjs/dist, which is committed: `go build` needs no Node. `node clientjs/build.mjs [folder]`.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

/**
 * Properties that never leave the bundle get short names. What is not listed costs bytes only; a test keeps names of the wire,
 * of the public types and of the platform out.
 */
export const internal = `
  acked active again answered arm attempts awaiting current dead deadline downSince drop dropAll dropOthers fetchToken
  fire forget gapped goodbye heard held hide interval judge lastID lastLink leave links listeners live moved names numbered onAnswer
  onConnected onCounted onSubscription opening over pending preferred preferredAt probe proof provenAt refuse refused remember
  requests retryLater row safely sends settled shortLives skipped subs subscription told unanswered untried wake
`.trim().split(/\s+/);

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

async function main(out = here("dist")) {
  const common = { bundle: true, minify: true, target: "es2022", legalComments: "none", logLevel: "warning" };
  const core = { mangleProps: new RegExp(`^(${internal.join("|")})$`) };
  const banner = { js: "/* Tidings client, Apache-2.0 */" };
  rmSync(out, { recursive: true, force: true });
  for (const [name, options] of Object.entries({
    "tidings.js": { ...core, entryPoints: [here("src/index.ts")], format: "esm", banner },
    "tidings.iife.js": { ...core, entryPoints: [here("src/index.ts")], format: "iife", globalName: "tidings", banner },
    "react.js": { entryPoints: [here("src/react.ts")], format: "esm", external: ["react", "tidings"], banner: { js: `"use client";${banner.js}` } },
    "testing.js": { entryPoints: [here("src/testing.ts")], format: "esm", banner },
  })) {
    await build({ ...common, ...options, outfile: `${out}/${name}`, tsconfig: here("../tsconfig.build.json") });
  }
  execFileSync(process.execPath, [here("../node_modules/typescript/bin/tsc"), "-p", here("../tsconfig.build.json"), "--outDir", `${out}/types`], { stdio: "inherit" });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv[2]);
