import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ClusterError } from "@prunella/core/kernel";
import type { View } from "@prunella/wire/view";
import { ViewFile } from "./view-file.ts";

const folder = mkdtempSync(join(tmpdir(), "prunella-view-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function view(version: number): View {
  return { cluster: "shop", agentTerm: 1, version, controlUrl: "", services: [] };
}

test("a view that was kept is there for the next process, and no temporary file is", async () => {
  const path = join(folder, "kept.json");
  const file = new ViewFile(path);
  assert.equal(file.load(), undefined);
  file.keep(view(1));
  await file.settled();
  assert.deepEqual(new ViewFile(path).load(), view(1));
  assert.deepEqual(readdirSync(folder), ["kept.json"]);
});

test("of many views that come at once the newest is on disk at the end", async () => {
  const path = join(folder, "burst.json");
  const file = new ViewFile(path);
  for (let version = 1; version <= 500; version++) file.keep(view(version));
  await file.settled();
  assert.deepEqual(new ViewFile(path).load(), view(500));
});

test("a damaged file is named, with what to do about it", () => {
  const path = join(folder, "damaged.json");
  for (const content of ["", "{", '{"cluster":7}', "[]"]) {
    writeFileSync(path, content);
    assert.throws(
      () => new ViewFile(path).load(),
      (error: unknown) => ClusterError.is(error),
      content,
    );
  }
});

test("a folder that refuses is reported, and the next view is written once it does not", async () => {
  const path = join(folder, "absent", "view.json");
  const file = new ViewFile(path);
  file.keep(view(1));
  await file.settled();
  assert.match(file.failure ?? "", /Cannot write/);
  assert.equal(file.failureCount, 1);
  mkdirSync(join(folder, "absent"));
  file.keep(view(2));
  await file.settled();
  assert.equal(file.failure, undefined);
  assert.deepEqual(file.load(), view(2));
});
