// Checks the types of the examples and runs their tests, against the client as it is built. `go test ./examples/react` calls it.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = here(`../../.cache/examples-react-${process.pid}`);
const run = (...args) => spawnSync(process.execPath, args, { stdio: "inherit", timeout: 120_000 }).status ?? 1;

try {
  process.exitCode = run(here("../../node_modules/typescript/bin/tsc"), "-p", here("."));
  await build({
    entryPoints: ["Arrivals.test.tsx", "Export.test.tsx", "SignIn.test.tsx", "examples.test.tsx"].map(here),
    outdir: out,
    tsconfig: here("tsconfig.json"), // for the files of the client too: else they would find each other's sources
    bundle: true,
    format: "esm",
    platform: "node",
    jsx: "automatic",
    external: ["happy-dom"],
    outExtension: { ".js": ".mjs" },
    inject: [here("page.mjs")],
    define: { "process.env.NODE_ENV": '"development"' },
    banner: { js: `import { createRequire as $require } from "node:module"; const require = $require(${JSON.stringify(here("run.mjs"))});` },
    logLevel: "warning",
  });
  process.exitCode ||= run("--test", "--test-reporter=spec", `${out}/Arrivals.test.mjs`, `${out}/Export.test.mjs`, `${out}/SignIn.test.mjs`, `${out}/examples.test.mjs`);
} finally {
  rmSync(out, { recursive: true, force: true });
}
