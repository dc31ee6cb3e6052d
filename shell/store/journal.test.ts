import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { draw, rngFrom } from "@prunella/core/kernel";
import { eventually } from "../../lab/peers/eventually.ts";
import { Journal, type JournalEntry, type JournalNotice, type JournalOptions } from "./journal.ts";

const root = mkdtempSync(join(tmpdir(), "prunella-journal-"));
const mounts: string[] = [];
after(() => {
  for (const mount of mounts) execFileSync("umount", ["--lazy", mount]);
  rmSync(root, { recursive: true, force: true });
});

type Numbered = { readonly number: number; readonly text?: string };

function parse(value: unknown): Numbered | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return typeof (value as Partial<Numbered>).number === "number" ? (value as Numbered) : undefined;
}

function newFolder(): string {
  return mkdtempSync(join(root, "j-"));
}

async function open(
  folder: string,
  options: Partial<JournalOptions<Numbered>> = {},
): Promise<Journal<Numbered>> {
  return await Journal.open({ folder, parse, ...options });
}

async function all(journal: Journal<Numbered>, afterId = 0): Promise<JournalEntry<Numbered>[]> {
  const entries: JournalEntry<Numbered>[] = [];
  for await (const entry of journal.read(afterId)) entries.push(entry);
  return entries;
}

function segmentFiles(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
}

test("records come back in order, from memory and from disk, after any id", async () => {
  const folder = newFolder();
  {
    await using journal = await open(folder);
    assert.equal(journal.lastId, 0);
    const ids = [1, 2, 3].map((number) => journal.append({ number, text: "zwölf 12 ½\n" }));
    assert.deepEqual(ids, [1, 2, 3]);
    assert.deepEqual(
      (await all(journal, 1)).map((entry) => entry.id),
      [2, 3],
    );
  }
  await using journal = await open(folder);
  assert.equal(journal.append({ number: 4 }), 4, "a clean end leaves no gap");
  assert.deepEqual(
    (await all(journal)).map((entry) => entry.record.number),
    [1, 2, 3, 4],
  );
  assert.equal((await all(journal, 4)).length, 0);
  assert.ok(await journal.flush());
  const lines = readFileSync(segmentFiles(folder)[0] ?? "", "utf8")
    .trimEnd()
    .split("\n");
  for (const line of lines) assert.doesNotThrow(() => JSON.parse(line)); // NDJSON for other tools.
});

test("J3: disk use is bounded, the newest records stay", async () => {
  const folder = newFolder();
  const bounds = { segmentBytesMax: 8 * 1024, segmentsMax: 3 };
  await using journal = await open(folder, bounds);
  for (let number = 1; number <= 2_000; number++) {
    journal.append({ number, text: "x".repeat(50) });
    if (number % 50 === 0) await journal.flush();
  }
  const files = segmentFiles(folder);
  assert.equal(files.length, 3);
  for (const file of files) assert.ok(statSync(file).size <= bounds.segmentBytesMax);

  await journal[Symbol.asyncDispose]();
  await using again = await open(folder, bounds);
  const numbers = (await all(again)).map((entry) => entry.record.number);
  assert.equal(numbers.at(-1), 2_000);
  assert.ok(numbers.length > 100 && numbers.length < 400, `${numbers.length} records kept`);
  assert.deepEqual(
    numbers,
    numbers.slice().sort((a, b) => a - b),
  );
});

// Goal: J1 and J2 over real crashes. Method: a writer says what it appended and what it flushed and
// is killed at a random moment; the next one must read everything flushed and never reuse an id.
test("J1, J2: nothing flushed is lost and no id is given twice over ten kills", async () => {
  const folder = newFolder();
  const fixture = join(import.meta.dirname, "fixtures", "journal-writer.ts");
  let rng = rngFrom(3);
  let appendedMax = 0;
  let flushedCount = 0;
  for (let round = 0; round < 10; round++) {
    const writer = spawn(process.execPath, ["-C", "@prunella/source", fixture, folder]);
    let output = "";
    writer.stdout.on("data", (bytes: Buffer) => {
      output += bytes.toString();
    });
    const ended = new Promise((resolve) => writer.once("close", resolve));
    const drawn = draw(rng);
    rng = drawn.rng;
    const wantedLength = 100 + Math.floor(drawn.value * 4_000); // A random moment, by progress.
    await eventually("the writer writes", () => output.length >= wantedLength);
    writer.kill("SIGKILL");
    await ended;

    const lines = output.split("\n").slice(0, -1);
    const ids = (kind: string): number[] =>
      lines.filter((line) => line.startsWith(kind)).map((line) => Number(line.slice(2)));
    const appended = ids("a");
    assert.ok(Math.min(...appended) > appendedMax, `an id was given twice in round ${round}`);
    appendedMax = Math.max(...appended);

    const flushed = ids("f").at(-1) ?? 0;
    if (flushed > 0) flushedCount += 1;
    const journal = await open(folder);
    const found = new Map((await all(journal)).map((entry) => [entry.id, entry.record.number]));
    for (const id of appended) {
      if (id <= flushed) assert.equal(found.get(id), id, `record ${id} was flushed and is gone`);
    }
    for (const [id, number] of found) assert.equal(number, id);
    // Not disposed on purpose: the next writer must find what a crash leaves.
  }
  assert.ok(flushedCount >= 5, `only ${flushedCount} rounds flushed anything`);
});

test("J2: a torn tail is cut off wherever the cut falls, and reported", async () => {
  const folder = newFolder();
  {
    await using journal = await open(folder);
    for (let number = 1; number <= 3; number++) journal.append({ number });
  }
  const path = segmentFiles(folder)[0] ?? "";
  const whole = readFileSync(path);
  const secondEnd = whole.indexOf(0x0a, whole.indexOf(0x0a) + 1) + 1;
  const thirdEnd = whole.indexOf(0x0a, secondEnd) + 1;
  for (let length = secondEnd + 1; length < thirdEnd; length++) {
    const rest = length % 2 === 0 ? Buffer.alloc(40) : Buffer.alloc(0); // Zeros: power was lost.
    writeFileSync(path, Buffer.concat([whole.subarray(0, length), rest]));
    const notices: JournalNotice[] = [];
    const journal = await open(folder, { report: (notice) => notices.push(notice) });
    assert.deepEqual(
      notices.map((notice) => notice.type),
      ["torn-tail"],
    );
    assert.deepEqual(
      (await all(journal)).map((entry) => entry.id),
      [1, 2],
    );
    assert.equal(statSync(path).size, secondEnd);
    assert.ok(journal.append({ number: 9 }) > 3, "the id of the lost record is not given again");
    await journal[Symbol.asyncDispose]();
  }
});

test("J2: a damaged line in the middle is left out and reported, the others stay", async () => {
  const folder = newFolder();
  {
    await using journal = await open(folder);
    for (let number = 1; number <= 5; number++) journal.append({ number });
  }
  const path = segmentFiles(folder)[0] ?? "";
  writeFileSync(path, readFileSync(path, "utf8").replace('"number":3', '"number":8'));
  appendFileSync(join(folder, "notes.txt"), "not a segment");
  const notices: JournalNotice[] = [];
  await using journal = await open(folder, { report: (notice) => notices.push(notice) });
  assert.deepEqual(
    (await all(journal)).map((entry) => entry.id),
    [1, 2, 4, 5],
  );
  assert.deepEqual(
    notices.map((notice) => notice.type),
    ["damaged"],
  );
});

test("a long journal is read in small steps between which others get their turn", async () => {
  const folder = newFolder();
  {
    await using journal = await open(folder);
    for (let number = 1; number <= 12_000; number++) {
      journal.append({ number, text: "x".repeat(200) });
      if (number % 1_000 === 0) await journal.flush();
    }
  }
  const size = statSync(segmentFiles(folder)[0] ?? "").size;
  assert.ok(size > 2.5 * 1024 * 1024, `${size} bytes say little`);
  const parsedIn = new Set<number>(); // The turns of the loop in which a record was parsed.
  let turns = 0;
  const noting = (value: unknown): Numbered | undefined => {
    parsedIn.add(turns);
    return parse(value);
  };
  await using journal = await open(folder, { parse: noting }); // It remembers no record.
  let isReading = true;
  const turn = (): void => {
    turns += 1;
    if (isReading) setImmediate(turn);
  };
  setImmediate(turn);
  const entries = await all(journal);
  isReading = false;
  assert.equal(entries.length, 12_000);
  assert.ok(parsedIn.size > size / (128 * 1024), `parsed in ${parsedIn.size} turns`);
});

test("what comes before the wanted id is not even parsed", async () => {
  const folder = newFolder();
  const bounds = { segmentBytesMax: 64 * 1024 };
  {
    await using journal = await open(folder, bounds);
    for (let number = 1; number <= 2_000; number++) {
      journal.append({ number, text: "x".repeat(50) });
      if (number % 100 === 0) await journal.flush();
    }
  }
  assert.ok(segmentFiles(folder).length >= 3);
  let parsed = 0;
  const counting = (value: unknown): Numbered | undefined => {
    parsed += 1;
    return parse(value);
  };
  await using journal = await open(folder, { ...bounds, parse: counting });
  const found = (await all(journal, 1_990)).map((entry) => entry.id);
  assert.deepEqual(
    found,
    Array.from({ length: 10 }, (_, index) => 1_991 + index),
  );
  assert.equal(parsed, 10);
});

function smallDisk(): string | undefined {
  const mount = newFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", mount], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  mounts.push(mount);
  return mount;
}

test("J3: a full disk costs the oldest records, and is over when space returns", async (context) => {
  const mount = smallDisk();
  if (mount === undefined) return context.skip("a tmpfs cannot be mounted here");
  const folder = join(mount, "journal");
  mkdirSync(folder);
  const notices: JournalNotice[] = [];
  const journal = await open(folder, {
    report: (notice) => notices.push(notice),
    pendingMax: 100,
    retryMs: 10,
  });
  journal.append({ number: 1 });
  assert.ok(await journal.flush());

  const ballast = join(mount, "ballast");
  assert.throws(() => writeFileSync(ballast, Buffer.alloc(512 * 1024)), { code: "ENOSPC" });
  let number = 1;
  while (notices.length === 0) {
    number += 1;
    journal.append({ number, text: "x".repeat(500) });
    await journal.flush();
  }
  assert.equal(notices[0]?.type, "disk-full");
  assert.equal(await journal.flush(), false);
  for (let count = 0; count < 1_000; count++) journal.append({ number: ++number });
  const inMemory = (await all(journal)).map((entry) => entry.record.number);
  assert.deepEqual(
    inMemory.slice(-100),
    Array.from({ length: 100 }, (_, i) => number - 99 + i),
  );

  rmSync(ballast);
  await eventually("the disk recovers", () => notices.length > 1);
  assert.equal(notices[1]?.type, "disk-recovered");
  assert.ok(Number(notices[1]?.data["droppedCount"]) >= 800);
  journal.append({ number: ++number });
  await eventually("no failure", () => journal.failure === undefined);
  assert.ok(await journal.flush());
  await journal[Symbol.asyncDispose]();

  await using again = await open(folder);
  const kept = (await all(again)).map((entry) => entry.record.number);
  assert.deepEqual(
    kept.slice(-101),
    Array.from({ length: 101 }, (_, i) => number - 100 + i),
  );
  assert.equal(kept[0], 1);
  assert.equal(notices.length, 2, "said once each");
});

test("closing on a disk that fails tells nobody who might append, and `failure` says it", async (context) => {
  const mount = smallDisk();
  if (mount === undefined) return context.skip("a tmpfs cannot be mounted here");
  const folder = join(mount, "journal");
  mkdirSync(folder);
  const notices: string[] = [];
  const journal: Journal<Numbered> = await open(folder, {
    report: ({ type }) => {
      notices.push(type);
      journal.append({ number: 0 });
    },
  });
  journal.append({ number: 1 });
  assert.ok(await journal.flush());
  assert.throws(() => writeFileSync(join(mount, "ballast"), Buffer.alloc(512 * 1024)), {
    code: "ENOSPC",
  });
  for (let number = 2; number <= 50; number++) {
    journal.append({ number, text: "x".repeat(500) });
  }
  await journal[Symbol.asyncDispose]();
  assert.deepEqual(notices, []);
  assert.equal(journal.failure, "disk-full");
});
