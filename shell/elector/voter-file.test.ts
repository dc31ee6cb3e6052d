import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type DurableRecord, freshRecord } from "@prunella/core/election";
import { ClusterError, draw, instanceName, type Rng, rngFrom } from "@prunella/core/kernel";
import { slotBytes, slotCount, VoterFile } from "./voter-file.ts";

const members = ["a", "b", "c"].map((id) => ({ id: instanceName(id), priority: 0 }));

function record(promised: number): DurableRecord {
  const votedFor = { member: instanceName("b"), boot: `boot-${promised}` };
  return { ...freshRecord(members), promised, votedFor };
}

function folder(t: { after: (clean: () => void) => void }): string {
  const path = mkdtempSync(join(tmpdir(), "prunella-voter-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("a new folder has no memory, and what was saved is found again", async (t) => {
  const path = folder(t);
  {
    await using file = await VoterFile.open(join(path, "deeper"));
    assert.equal(file.found, undefined);
    for (let term = 1; term <= 2 * slotCount + 1; term++) await file.save(record(term));
    assert.deepEqual(file.found, record(2 * slotCount + 1));
  }
  await using again = await VoterFile.open(join(path, "deeper"));
  assert.deepEqual(again.found, record(2 * slotCount + 1));
  assert.equal(statSync(join(path, "deeper", "voter")).size, slotCount * slotBytes);
});

test("records that are saved at once are written in order", async (t) => {
  const path = folder(t);
  await using file = await VoterFile.open(path);
  await Promise.all([1, 2, 3, 4, 5, 6].map((term) => file.save(record(term))));
  assert.equal(file.found?.promised, 6);
});

test("a write that was torn at any byte leaves the record before it (D1)", async (t) => {
  const path = folder(t);
  const name = join(path, "voter");
  const states: Buffer[] = [];
  {
    await using file = await VoterFile.open(path);
    for (let term = 1; term <= 6; term++) {
      await file.save(record(term));
      states.push(readFileSync(name));
    }
  }
  let rng: Rng = rngFrom(5);
  let torn = 0;
  for (let round = 0; round < 60; round++) {
    const drawn = draw(rng);
    rng = drawn.rng;
    const term = 1 + (round % 5); // Term `term` is on disk; `term + 1` was being written.
    const [before, after] = [states[term - 1], states[term]];
    assert.ok(before !== undefined && after !== undefined);
    const start = ((term + 1) % slotCount) * slotBytes;
    const length = 20 + after.readUInt32LE(start + 16);
    const written = Math.floor(drawn.value * length);
    const mixed = Buffer.from(before);
    after.copy(mixed, start, start, start + written);
    writeFileSync(name, mixed);
    await using file = await VoterFile.open(path);
    // The bytes that are missing may be those that were there before: then the record is whole.
    const isWhole = mixed
      .subarray(start, start + length)
      .equals(after.subarray(start, start + length));
    assert.equal(
      file.found?.promised,
      isWhole ? term + 1 : term,
      `torn after ${written} of ${length} bytes`,
    );
    if (written > 0 && !isWhole) torn += 1;
    await file.save(record(100 + term));
    assert.equal(file.found?.promised, 100 + term);
  }
  assert.ok(torn > 30, "most rounds tore something");
});

test("damage beyond the record that was being written is refused, with what to do (D2)", async (t) => {
  const path = folder(t);
  const name = join(path, "voter");
  {
    await using file = await VoterFile.open(path);
    for (let term = 1; term <= 6; term++) await file.save(record(term));
  }
  const whole = readFileSync(name);
  const newest = (6 % slotCount) * slotBytes;
  const older = (5 % slotCount) * slotBytes;
  const damages: readonly ((bytes: Buffer) => Buffer)[] = [
    (bytes) => bytes.subarray(0, 1_000),
    (bytes) => {
      bytes.writeUInt8(bytes.readUInt8(older + 40) ^ 1, older + 40);
      return bytes;
    },
    (bytes) => {
      for (const at of [newest, older]) bytes.writeUInt8(bytes.readUInt8(at + 30) ^ 1, at + 30);
      return bytes;
    },
  ];
  for (const damage of damages) {
    writeFileSync(name, damage(Buffer.from(whole)));
    await assert.rejects(VoterFile.open(path), (error) => {
      assert.ok(ClusterError.is(error, "STATE_CORRUPT"));
      assert.match(error.message, /is damaged: .*remove the file/);
      return true;
    });
  }
});

test("two processes cannot vote with one folder", async (t) => {
  const path = folder(t);
  await using _file = await VoterFile.open(path);
  const program = `
    import { VoterFile } from ${JSON.stringify(join(import.meta.dirname, "voter-file.ts"))};
    try { await VoterFile.open(${JSON.stringify(path)}); } catch (error) { console.log(error.code, error.message); }`;
  const other = spawnSync(
    process.execPath,
    ["-C", "@prunella/source", "--input-type=module", "-e", program],
    { cwd: import.meta.dirname, encoding: "utf8" },
  );
  assert.match(other.stdout, /STATE_LOCKED .*pid \d+.*folder of its own/);
});

test("a folder that cannot be written is said at the start", async (t) => {
  const path = folder(t);
  writeFileSync(join(path, "file"), "");
  await assert.rejects(VoterFile.open(join(path, "file")), { code: "STATE_REFUSED" });
  if (process.getuid?.() === 0) return; // Root may write everywhere.
  chmodSync(path, 0o500);
  await assert.rejects(VoterFile.open(join(path, "new")), { code: "STATE_REFUSED" });
});
