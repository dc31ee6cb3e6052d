import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ClusterError } from "@prunella/core/kernel";
import {
  readJson,
  readJsonSync,
  sweepTemporaryFiles,
  writeFileAtomic,
  writeJson,
  writeJsonSync,
} from "./atomic-file.ts";

const folder = mkdtempSync(join(tmpdir(), "prunella-atomic-"));
after(() => rmSync(folder, { recursive: true, force: true }));

type Pair = { readonly a: number };
const parsePair = (value: unknown): Pair | undefined =>
  typeof value === "object" && value !== null && "a" in value && typeof value.a === "number"
    ? { a: value.a }
    : undefined;

test("what was written is read back, by its owner alone, and nothing else is left in the folder", async () => {
  const path = join(folder, "pair.json");
  await writeJson(path, { a: 1 });
  writeJsonSync(path, { a: 2 });
  await writeJson(path, { a: 3 }, { durable: false });
  assert.deepEqual(await readJson(path, parsePair), { a: 3 });
  assert.deepEqual(readJsonSync(path, parsePair), { a: 3 });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ["pair.json"]);
});

test("a file that is not there is undefined and not an error", async () => {
  assert.equal(await readJson(join(folder, "nothing.json"), parsePair), undefined);
  assert.equal(readJsonSync(join(folder, "nothing.json"), parsePair), undefined);
});

test("a damaged file is STATE_CORRUPT, names the file and says what to do", async () => {
  const path = join(folder, "damaged.json");
  for (const text of ["", '{"a":', '{"a":"text"}', "null", "\0\0\0"]) {
    writeFileSync(path, text);
    await assert.rejects(readJson(path, parsePair), (error: unknown) => {
      assert.ok(ClusterError.is(error, "STATE_CORRUPT"));
      assert.match(error.message, /damaged\.json is damaged: it is .*|it does not/);
      assert.match(error.message, /Move it away/);
      return true;
    });
    assert.throws(() => readJsonSync(path, parsePair, "Run: prunella up"), /Run: prunella up$/);
  }
});

test("a failed write leaves the old content, and says why", async () => {
  await assert.rejects(writeFileAtomic(join(folder, "no", "such", "file"), "x"), {
    code: "STATE_REFUSED",
  });
  const path = join(folder, "in-the-way");
  mkdirSync(path);
  await assert.rejects(writeFileAtomic(path, "x"), { code: "STATE_REFUSED", message: /folder/ });
  assert.throws(() => writeJsonSync(path, 1), { code: "STATE_REFUSED" });
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith(".tmp")),
    [],
  );
  chmodSync(path, 0o700);
});

test("what killed writers left behind is swept, what living ones write is not", () => {
  const sub = mkdtempSync(join(folder, "sweep-"));
  writeFileSync(join(sub, "state.json.2147483646-1.tmp"), "half");
  writeFileSync(join(sub, `state.json.${process.pid}-7.tmp`), "half");
  writeFileSync(join(sub, "note.tmp"), "not ours");
  sweepTemporaryFiles(sub);
  assert.deepEqual(readdirSync(sub).sort(), ["note.tmp", `state.json.${process.pid}-7.tmp`]);
});
