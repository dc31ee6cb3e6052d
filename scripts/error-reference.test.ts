import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { errorPage, errorReference } from "./error-reference.ts";

test("the page of errors says what the code says", () => {
  assert.equal(
    readFileSync(errorPage, "utf8"),
    errorReference(),
    "docs/reference/errors.md is old. Run: node -C @prunella/source scripts/error-reference.ts",
  );
});
