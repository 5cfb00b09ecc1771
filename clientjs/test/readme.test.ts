import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

declare const PROJECT: string;

test("every snippet of the README compiles against the built types", () => {
  const snippets = [...readFileSync(join(PROJECT, "clientjs/README.md"), "utf8").matchAll(/^```(tsx?)\n([^]*?)^```$/gm)];
  assert.ok(snippets.length >= 4, `${snippets.length} snippets`);
  const folder = join(PROJECT, `.cache/readme-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    snippets.forEach(([, ext, code], i) => writeFileSync(join(folder, `snippet${i}.${ext}`), code as string));
    // Without the project's paths, so that the imports go through package.json to dist.
    const compilerOptions = { noEmit: true, strict: true, target: "ES2022", module: "ESNext", moduleResolution: "bundler", jsx: "react-jsx", lib: ["ES2022", "DOM"], types: [] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["."] }));
    execFileSync(process.execPath, [join(PROJECT, "node_modules/typescript/bin/tsc"), "-p", folder], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    assert.fail(String((error as { stdout?: string }).stdout || error));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
