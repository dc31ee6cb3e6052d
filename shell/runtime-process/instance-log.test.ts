import assert from "node:assert/strict";
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { draw, rngFrom } from "@prunella/core/kernel";
import { InstanceLog } from "./instance-log.ts";
import { readLog } from "./log-reader.ts";

const root = mkdtempSync(join(tmpdir(), "prunella-log-"));
after(() => rmSync(root, { recursive: true, force: true }));

function newFolder(): string {
  return mkdtempSync(join(root, "i-"));
}

function openLog(folder: string): { log: InstanceLog; print: (text: string) => void } {
  const log = new InstanceLog(folder);
  closeSync(log.open("begins"));
  return { log, print: (text) => appendFileSync(join(log.folder, "current.log"), text) };
}

async function tail(log: InstanceLog, tailLines: number): Promise<string[]> {
  const lines: string[] = [];
  const signal = AbortSignal.timeout(60_000);
  for await (const line of readLog(log, { tailLines, follow: false }, signal, () => true)) {
    lines.push(line);
  }
  return lines;
}

function numbered(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`);
}

test("the last lines are found over rotated files, with and without a newline at the end", async () => {
  const folder = newFolder();
  const { log, print } = openLog(folder);
  print(`${numbered(1, 10).join("\n")}\n`);
  await log.rotate(3);
  print(`${numbered(11, 20).join("\n")}\n`);
  await log.rotate(3);
  print("line 21\nline 22");
  for (const reader of [log, new InstanceLog(folder)]) {
    assert.deepEqual(await tail(reader, 1), ["line 22"]);
    assert.deepEqual(await tail(reader, 2), numbered(21, 22));
    assert.deepEqual(await tail(reader, 15), numbered(8, 22));
    const all = await tail(reader, 1_000);
    assert.match(all[0] ?? "", /^\[prunella\] begins$/);
    assert.deepEqual(all.slice(1), numbered(1, 22));
    assert.deepEqual(await tail(reader, 0), ["line 22"], "what is not finished is still to come");
  }
});

test("at most so many older files stay, and their numbers go on in the next process", async () => {
  const folder = newFolder();
  const { log, print } = openLog(folder);
  for (let round = 1; round <= 5; round++) {
    print(`line ${round}\n`);
    await log.rotate(2);
  }
  assert.deepEqual(readdirSync(log.folder).sort(), ["000004.log", "000005.log", "current.log"]);
  const next = new InstanceLog(folder);
  print("line 6\n");
  await next.rotate(2);
  assert.deepEqual(readdirSync(log.folder).sort(), ["000005.log", "000006.log", "current.log"]);
  assert.deepEqual(await tail(next, 10), numbered(5, 6));
});

test("the millionth rotation is the newest, although its name sorts before its elders", async () => {
  const folder = newFolder();
  const { log } = openLog(folder);
  for (const number of [999_998, 999_999, 1_000_000]) {
    writeFileSync(join(log.folder, `${number}.log`), `line ${number}\n`);
  }
  const next = new InstanceLog(folder);
  assert.deepEqual(await tail(next, 4), [
    ...["line 999998", "line 999999", "line 1000000"],
    "[prunella] begins",
  ]);
  await next.rotate(2);
  assert.deepEqual(readdirSync(log.folder).sort(), [
    ...["1000000.log", "1000001.log", "current.log"],
  ]);
});

test("of a file that grew far beyond its size the newest part is kept, and the gap is marked", async () => {
  const { log, print } = openLog(newFolder());
  print(`${numbered(1, 1_000).join("\n")}\n`);
  const dropped = await log.rotate(2, 500);
  print("line 1001\n");
  const lines = await tail(log, 10_000);
  assert.match(
    lines[0] ?? "",
    new RegExp(`^\\[prunella\\] ${dropped} bytes of output dropped here`),
  );
  const first = Number(/^line (\d+)$/.exec(lines[2] ?? "")?.[1]); // Line 1 of it may be torn.
  assert.ok(first > 900 && first < 1_000, `${first}`);
  assert.deepEqual(lines.slice(2), numbered(first, 1_001));
  assert.deepEqual(await tail(log, 20), numbered(982, 1_001));
});

test("a launch after a kill in mid-line begins on a line of its own", async () => {
  const { log, print } = openLog(newFolder());
  print("half a li");
  closeSync(log.open("again"));
  assert.deepEqual(await tail(log, 10), ["[prunella] begins", "half a li", "[prunella] again"]);
});

test("the rest of an interrupted rotation is no log", async () => {
  const folder = newFolder();
  const { log, print } = openLog(folder);
  print("line 1\n");
  writeFileSync(join(log.folder, "rotating.tmp"), "half");
  const next = new InstanceLog(folder);
  closeSync(next.open("again"));
  await next.rotate(1);
  assert.deepEqual(readdirSync(log.folder).sort(), ["000001.log", "current.log"]);
  assert.deepEqual((await tail(next, 10)).filter((line) => line === "line 1").length, 1);
});

test("a reader that fell behind what is kept is told how much it missed", async () => {
  const { log, print } = openLog(newFolder());
  const stop = new AbortController();
  const reader = readLog(log, { tailLines: 0, follow: true }, stop.signal, () => true);
  const first = reader.next(); // A reader looks where it begins when it is first asked.
  print("line 1\n");
  assert.deepEqual(await first, { done: false, value: "line 1" });
  for (let round = 2; round <= 5; round++) {
    print(`line ${round}\n`);
    await log.rotate(1);
  }
  // Lines 2 to 4 went with their files: 3 lines of 7 bytes.
  assert.match(String((await reader.next()).value), /^\[prunella\] 21 bytes of log were dropped/);
  assert.deepEqual(await reader.next(), { done: false, value: "line 5" });
  print("line 6\n");
  log.cut((count) => `${count} bytes cut`);
  assert.deepEqual(await reader.next(), { done: false, value: "[prunella] 7 bytes cut" });
  stop.abort();
});

// Goal: nothing is lost, repeated or torn for a reader that keeps up. Method: lines of random
// length are printed, rotated at random, and followed; all of them must come in order.
test("a follower sees every line once and whole over a hundred rotations", async () => {
  const { log, print } = openLog(newFolder());
  const stop = new AbortController();
  const expected: string[] = [];
  const seen: string[] = [];
  const reading = (async () => {
    const options = { tailLines: 0, follow: true };
    for await (const line of readLog(log, options, stop.signal, () => true)) {
      seen.push(line);
      if (line === "the end") return;
    }
  })();
  let rng = rngFrom(11);
  let rotationCount = 0;
  let partial = "";
  for (let round = 0; round < 2_000; round++) {
    const length = draw(rng);
    const cutAt = draw(length.rng);
    const chance = draw(cutAt.rng);
    rng = chance.rng;
    const line = `${round} ${"ü".repeat(Math.floor(length.value * 300))}`;
    expected.push(line);
    const text = `${partial}${line}\n`;
    const cut = Math.floor(cutAt.value * text.length);
    print(text.slice(0, cut)); // A line may come in two writes, with a rotation in between.
    partial = text.slice(cut);
    if (chance.value < 0.05) {
      await log.rotate(1_000);
      rotationCount += 1;
    }
    if (round % 50 === 0) await new Promise(setImmediate);
  }
  print(`${partial}the end\n`);
  const timeout = setTimeout(() => stop.abort(), 60_000);
  await reading;
  clearTimeout(timeout);
  assert.ok(rotationCount > 50, `only ${rotationCount} rotations`);
  assert.deepEqual(seen.slice(0, -1), expected);
});

test("a line without an end is given in pieces, so a reader never holds more than one", async () => {
  const { log, print } = openLog(newFolder());
  print("x".repeat(1_000_000));
  const pieces = await tail(log, 1);
  assert.equal(pieces.join("").length, 1_000_000);
  for (const piece of pieces) assert.ok(piece.length <= 128 * 1024);
});
