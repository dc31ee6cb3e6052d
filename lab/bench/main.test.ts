import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { spreadOf, table } from "./report.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

function bench(...args: readonly string[]): {
  readonly code: number | null;
  readonly error: string;
} {
  const options = ["-C", "@prunella/source", main, ...args];
  const { status, stderr } = spawnSync(process.execPath, options, { encoding: "utf8" });
  return { code: status, error: stderr };
}

test("an unknown bench is refused with the names of those that exist", () => {
  const { code, error } = bench("nonsense");
  assert.equal(code, 2);
  assert.match(error, /There is no bench "nonsense"/);
  assert.match(error, /Benches: .*ring/);
});

test("who asks for help gets the names of all benches, and no complaint", () => {
  const { code, error } = bench("--help");
  assert.equal(code, 0);
  assert.equal(error, "");
});

test("a bad option is refused with a sentence, not with a stack", () => {
  for (const args of [["--rounds", "0"], ["--nonsense"]]) {
    const { code, error } = bench("ring", ...args);
    assert.equal(code, 2, error);
    assert.match(error, /bench -- ring --help/);
    assert.doesNotMatch(error, /\n {4}at /);
  }
});

test("a table aligns its columns, and a spread names the middle", () => {
  assert.equal(table(["a", "bb"], [["long", "1"]]), "a     bb\n----  --\nlong   1");
  assert.deepEqual(spreadOf([4, 1, 2, 3]), { median: 2.5, low: 1, high: 4 });
});
