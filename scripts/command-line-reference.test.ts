import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { commandPage, commandReference } from "./command-line-reference.ts";

test("the page of commands says what the commands are", () => {
  assert.equal(
    readFileSync(commandPage, "utf8"),
    commandReference(),
    "docs/reference/command-line.md is old. Run: node -C @prunella/source scripts/command-line-reference.ts",
  );
});
