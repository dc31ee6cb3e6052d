import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { freshRecord } from "@prunella/core/election";
import { silentLog } from "@prunella/driver";
import { RecordWriter } from "./record-writer.ts";
import { VoterFile } from "./voter-file.ts";

function folder(t: { after: (clean: () => void) => void }): string {
  const path = mkdtempSync(join(tmpdir(), "prunella-writer-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("while one record is written, only the newest of those that wait is written after it", async (t) => {
  await using file = await VoterFile.open(folder(t));
  const done = Promise.withResolvers<void>();
  const persisted: number[] = [];
  using writer = new RecordWriter(
    file,
    (writeId) => {
      persisted.push(writeId);
      if (writeId === 4) done.resolve();
    },
    silentLog,
  );
  for (let id = 1; id <= 4; id++) writer.write(id, { ...freshRecord([]), promised: id });
  await done.promise;
  assert.deepEqual(persisted, [1, 4]);
  assert.equal(file.found?.promised, 4);
});

test("without a file everything counts as written at once", () => {
  const persisted: number[] = [];
  using writer = new RecordWriter(undefined, (writeId) => persisted.push(writeId), silentLog);
  writer.write(1, freshRecord([]));
  assert.deepEqual(persisted, [1]);
});

/** The shell's limit makes every write behind the first KiB fail, as a broken or full disk would. */
test("a vote that cannot be written is not given, and the failure is told once", async (t) => {
  const path = folder(t);
  {
    await using file = await VoterFile.open(path);
    await file.save({ ...freshRecord([]), promised: 7 });
  }
  const program = `
    import { freshRecord } from "@prunella/core/election";
    import { silentLog } from "@prunella/driver";
    import { RecordWriter } from ${JSON.stringify(join(import.meta.dirname, "record-writer.ts"))};
    import { VoterFile } from ${JSON.stringify(join(import.meta.dirname, "voter-file.ts"))};
    const file = await VoterFile.open(${JSON.stringify(path)});
    const told = [];
    const log = { ...silentLog, error: (_, { message }) => told.push(message) };
    const writer = new RecordWriter(file, () => console.log("persisted"), log);
    writer.write(1, { ...freshRecord([]), promised: 8 });
    setTimeout(() => {
      console.log(JSON.stringify({ told, failing: writer.isFailing, found: file.found.promised }));
      process.exit(0);
    }, 700);`;
  const shell = `ulimit -f 1; exec "$0" -C @prunella/source --input-type=module -e "$1"`;
  const run = spawnSync("sh", ["-c", shell, process.execPath, program], {
    cwd: import.meta.dirname,
    encoding: "utf8",
  });
  const said = JSON.parse(run.stdout) as { told: string[]; failing: boolean; found: number };
  assert.equal(said.told.length, 1, "told once, though it was tried several times");
  assert.match(said.told[0] ?? "", /Cannot write the vote to .*voter/);
  assert.deepEqual([said.failing, said.found], [true, 7]);
  await using again = await VoterFile.open(path);
  assert.equal(again.found?.promised, 7);
});
