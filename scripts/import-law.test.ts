/**
 * The import law of ARCHITECTURE.md, tried: files that break it are written under the folders that
 * it rules, in a copy of the tree that holds nothing else, and the linter must refuse each line.
 * A pattern that matches too little would otherwise look like a law that everybody keeps.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What one file of a folder must not write, and what it may. */
type Probe = {
  readonly path: string;
  readonly refused: readonly string[];
  readonly allowed: readonly string[];
};

const imports = (...specifiers: readonly string[]) =>
  specifiers.map((specifier) => `import ${JSON.stringify(specifier)};`);

const probes: readonly Probe[] = [
  {
    path: "core/ring/probe.ts",
    refused: [
      ...imports("../healing/index.ts", "../detector/index.ts", "./../healing/index.ts"),
      ...imports("../kernel/../healing/index.ts", "../../shell/wire/view.ts", "../index.ts"),
      ...imports("node:fs", "zod", "prunella", "@prunella/wire/view", "@prunella/core/healing"),
      'export * from "../healing/index.ts";',
      'await import("../healing/index.ts");',
      ...["Date", "performance", "crypto", "console", "process", "fetch", "globalThis"].map(
        (name, index) => used(name, index),
      ),
      ...["setTimeout", "setInterval", "setImmediate", "queueMicrotask"].map((name, index) =>
        used(name, index),
      ),
    ],
    allowed: [
      ...imports("./table.ts", "../kernel/index.ts"),
      "export const clone = structuredClone;",
    ],
  },
  {
    path: "core/kernel/probe.ts",
    refused: imports("../ring/index.ts", "node:crypto"),
    allowed: imports("./rng.ts"),
  },
  {
    path: "shell/gateway/exchange/probe.ts",
    refused: [
      ...imports("../../../apps/cli/index.ts", "../../../lab/load/open-loop.ts"),
      ...imports("../../../examples/hello/server.ts", "../../../scripts/tidy.ts"),
      ...imports("prunella", "prunella/cli", "@prunella/lab", "@prunella/lab/load"),
      ...imports(
        "../../../core/kernel/index.ts",
        "../../wire/view.ts",
        "../../../shell/store/a.ts",
      ),
      'await import("../../../lab/load/open-loop.ts");',
    ],
    allowed: imports("node:net", "@prunella/core/kernel", "@prunella/wire/view", "../parser/a.ts"),
  },
  {
    path: "shell/gateway/probe.ts",
    refused: imports("../runtime-process/index.ts", "../wire/view.ts", "../../lab/index.ts"),
    allowed: imports("./exchange/exchange.ts", "./wire.ts", "pino"),
  },
  {
    path: "apps/cli/commands/probe.ts",
    refused: [
      ...imports("../../../lab/index.ts", "../../../examples/hello/server.ts", "@prunella/lab"),
      ...imports("../../../scripts/tidy.ts", "../../../core/kernel/index.ts"),
      ...imports("../../../shell/wire/view.ts"),
      'await import("../../../lab/index.ts");',
    ],
    allowed: imports("../verb.ts", "@prunella/core/kernel", "@prunella/agent", "node:path"),
  },
  {
    path: "examples/hello/probe.ts",
    refused: [
      ...imports("@prunella/core/kernel", "@prunella/lab", "../../shell/wire/view.ts"),
      ...imports("../fortune/server.ts", "zod"),
    ],
    allowed: imports("prunella", "prunella/sdk", "node:http", "./pages/home.ts"),
  },
];

test("the linter refuses every import and every global that the law forbids, and no other", () => {
  const tree = mkdtempSync(join(tmpdir(), "prunella-law-"));
  try {
    copyFileSync(join(root, "biome.json"), join(tree, "biome.json"));
    writeFileSync(join(tree, ".gitignore"), "nothing\n"); // The settings ask for one.
    for (const { path, refused, allowed } of probes) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), [...refused, ...allowed, ""].join("\n"));
    }
    const found = diagnosed(tree);
    for (const { path, refused, allowed } of probes) {
      const lines = [...refused, ...allowed];
      const complained = lines.filter((_, index) => found.has(`${path}:${index + 1}`));
      assert.deepEqual(complained, refused, path);
    }
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
});

function used(name: string, index: number): string {
  return `export const probe${index}${name} = ${name};`;
}

/** `path:line` of each complaint. */
function diagnosed(tree: string): ReadonlySet<string> {
  const { stdout, stderr } = spawnSync(
    join(root, "node_modules/.bin/biome"),
    [
      ...["lint", "--only=style/noRestrictedImports", "--only=style/noRestrictedGlobals"],
      ...["--max-diagnostics=none", "--reporter=github", "."],
    ],
    { cwd: tree, encoding: "utf8" },
  );
  const places = [...stdout.matchAll(/^::error .*?file=([^,]+),line=(\d+)/gm)];
  assert.ok(places.length > 0, `the linter said nothing about imports: ${stdout}${stderr}`);
  return new Set(places.map(([, file, line]) => `${file?.replace(`${tree}/`, "")}:${line}`));
}
