import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { metricsPage, metricsReference } from "./metrics-reference.ts";

test("the page of metrics says what the code says", () => {
  assert.equal(
    readFileSync(metricsPage, "utf8"),
    metricsReference(),
    "docs/reference/metrics.md is old. Run: node -C @prunella/source scripts/metrics-reference.ts",
  );
});
