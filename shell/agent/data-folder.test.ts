import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { prepareDataFolder } from "./data-folder.ts";

test("each service has a folder of its own, closed to others, and what is in it stays", (t) => {
  const data = mkdtempSync(join(tmpdir(), "prunella-data-"));
  t.after(() => rmSync(data, { recursive: true }));
  const folder = prepareDataFolder(data, "fortune");
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  writeFileSync(join(folder, "kept"), "");
  assert.equal(prepareDataFolder(data, "fortune"), folder);
  assert.ok(statSync(join(folder, "kept")).isFile());
  assert.notEqual(prepareDataFolder(data, "other"), folder);
});

test("a file in the way is named", (t) => {
  const data = mkdtempSync(join(tmpdir(), "prunella-data-"));
  t.after(() => rmSync(data, { recursive: true }));
  writeFileSync(join(data, "fortune"), "");
  assert.throws(() => prepareDataFolder(data, "fortune"), { code: "STATE_REFUSED" });
});
