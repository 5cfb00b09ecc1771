// Bundles the tests and hands them to node's own runner. `node clientjs/test/run.mjs [part of a name …]` runs some of them.
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = here(`../../.cache/clientjs-${process.pid}`);
const wanted = process.argv.slice(2);
const names = readdirSync(here(".")).filter((n) => /\.test\.tsx?$/.test(n) && (!wanted.length || wanted.some((w) => n.includes(w))));
const react = names.filter((n) => n.startsWith("react"));

const common = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: "inline",
  logLevel: "warning",
  outExtension: { ".js": ".mjs" },
  tsconfig: here("../../tsconfig.json"),
  banner: { js: `import { createRequire as $require } from "node:module"; const require = $require(${JSON.stringify(here("run.mjs"))});` },
  external: ["ws", "happy-dom", "esbuild", "terser"],
  define: { "process.env.NODE_ENV": '"development"', PROJECT: JSON.stringify(here("../..")) },
};
const bundle = (files, folder, version, alias) =>
  files.length && build({ ...common, entryPoints: files.map((n) => here(n)), outdir: `${out}/${folder}`, alias, define: { ...common.define, REACT: `"${version}"` } });

try {
  await bundle(names.filter((n) => !react.includes(n)), "core", "", {});
  await bundle(react, "react19", "19", {});
  await bundle(react, "react18", "18", { react: "react18", "react-dom": "react-dom18" });
  const files = readdirSync(out, { recursive: true }).filter((f) => f.endsWith(".mjs")).map((f) => `${out}/${f}`);
  const args = ["--enable-source-maps", "--test", "--test-timeout=120000", "--test-reporter=spec", ...files];
  const run = spawnSync(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], encoding: "utf8", timeout: 300_000, maxBuffer: 1 << 28 });
  process.stdout.write(run.stdout);
  const passed = Number(/^ℹ pass (\d+)$/m.exec(run.stdout)?.[1] ?? 0);
  if (!passed) console.error("no test passed");
  process.exitCode = passed && run.status === 0 ? 0 : 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
