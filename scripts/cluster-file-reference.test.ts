import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { allFields, clusterFileReference } from "../shell/spec/reference.ts";
import { clusterFilePage } from "./cluster-file-reference.ts";

test("the page of the cluster file says what the schema says", () => {
  assert.equal(
    readFileSync(clusterFilePage, "utf8"),
    clusterFileReference(),
    "docs/reference/cluster-file.md is old. Run: node -C @prunella/source scripts/cluster-file-reference.ts",
  );
});

test("every field has a type, a default and a meaning", () => {
  assert.ok(allFields.length >= 30, `only ${allFields.length} fields were found`);
  for (const { name, facts } of allFields) {
    assert.ok(facts?.type && facts.default && facts.meaning, `${name} is not described`);
  }
});
