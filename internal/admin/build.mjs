// Builds internal/admin/dist, which is committed: the server needs no Node. `npm run build:admin`, or `node build.mjs [folder]`.
import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = process.argv[2] ?? here("dist");

execFileSync(process.execPath, [here("../../node_modules/typescript/bin/tsc"), "-p", here(".")], { stdio: "inherit" });
rmSync(out, { recursive: true, force: true });
await build({
  entryPoints: [
    { in: here("src/main.tsx"), out: "admin" },
    { in: here("src/style.css"), out: "admin" },
  ],
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "eof",
  logLevel: "warning",
  tsconfig: here("tsconfig.json"),
});
for (const file of ["index.html", "favicon.svg"]) cpSync(here(`src/${file}`), `${out}/${file}`);
