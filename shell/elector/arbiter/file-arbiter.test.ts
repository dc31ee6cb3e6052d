import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { instanceName } from "@prunella/core/kernel";
import { FileArbiter } from "./file-arbiter.ts";

const { signal } = new AbortController();

function folder(t: { after: (clean: () => void) => void }): string {
  const path = mkdtempSync(join(tmpdir(), "prunella-arbiter-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function record(id: string, term: number) {
  return { holder: { member: instanceName(id), boot: "1" }, term, leaseMs: 5_000 };
}

async function written(
  arbiter: FileArbiter,
  expected: string | undefined,
  wanted: ReturnType<typeof record>,
): Promise<string> {
  const outcome = await arbiter.swap(expected, wanted, signal);
  assert.equal(outcome.kind, "written");
  return outcome.kind === "written" ? outcome.version : "";
}

test("of two who saw the same version, one writes and the other knows that it did not", async (t) => {
  const path = join(folder(t), "deeper", "record");
  await using one = FileArbiter.open(path);
  await using other = FileArbiter.open(path);
  assert.deepEqual(await one.read(signal), { version: undefined, record: undefined });
  const version = await written(one, undefined, record("a", 1));
  assert.deepEqual(await other.swap(undefined, record("b", 1), signal), { kind: "conflict" });
  assert.deepEqual(await other.read(signal), { version, record: record("a", 1) });
  assert.notEqual(await written(other, version, record("b", 2)), version);
  assert.deepEqual(await one.swap(version, record("a", 2), signal), { kind: "conflict" });
});

test("the record survives who wrote it", async (t) => {
  const path = join(folder(t), "record");
  {
    await using arbiter = FileArbiter.open(path);
    await arbiter.swap(undefined, record("a", 7), signal);
  }
  await using again = FileArbiter.open(path);
  assert.deepEqual((await again.read(signal)).record, record("a", 7));
});

test("four processes that count by compare-and-set lose no count", async (t) => {
  const path = join(folder(t), "record");
  const module = join(import.meta.dirname, "..", "fixtures", "arbiter-counter.ts");
  const counters = Array.from({ length: 4 }, () =>
    fork(module, [path, "25"], { execArgv: ["-C", "@prunella/source"] }),
  );
  const codes = await Promise.all(counters.map(async (child) => (await once(child, "exit"))[0]));
  assert.deepEqual(codes, [0, 0, 0, 0]);
  await using arbiter = FileArbiter.open(path);
  assert.equal((await arbiter.read(signal)).record?.term, 100);
});

test("a file that is no arbiter is refused", (t) => {
  const path = join(folder(t), "record");
  writeFileSync(
    path,
    "this is a text and not a database, and it is long enough to be one".repeat(20),
  );
  assert.throws(() => FileArbiter.open(path), { code: "STATE_REFUSED" });
});

test("a file that was removed is nobody's any more: the old holder hears of the new record", async (t) => {
  const path = join(folder(t), "record");
  await using old = FileArbiter.open(path);
  const version = await written(old, undefined, record("a", 7));
  rmSync(path);
  await using other = FileArbiter.open(path);
  const next = await written(other, undefined, record("b", 8));
  assert.notEqual(next, version, "no version comes back");
  assert.deepEqual(await old.swap(version, record("a", 7), signal), { kind: "conflict" });
  assert.deepEqual(await old.read(signal), { version: next, record: record("b", 8) });
});

test("a file that another process locks is told to be unavailable, and works again afterwards", async (t) => {
  const path = join(folder(t), "record");
  await using arbiter = FileArbiter.open(path);
  const version = await written(arbiter, undefined, record("a", 1));
  using holder = new DatabaseSync(path);
  holder.exec("BEGIN EXCLUSIVE");
  const unavailable = { code: "ARBITER_UNAVAILABLE" };
  await assert.rejects(arbiter.swap(version, record("a", 1), signal), unavailable);
  await assert.rejects(arbiter.read(signal), unavailable);
  holder.exec("ROLLBACK");
  await written(arbiter, version, record("a", 1));
});
