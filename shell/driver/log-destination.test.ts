import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { eventually } from "../../lab/peers/eventually.ts";
import { LogDestination, queuedBytesMax } from "./log-destination.ts";

const folder = mkdtempSync(join(tmpdir(), "prunella-log-destination-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const line = `${"x".repeat(249)}\n`;

test("lines arrive in order and complete, and a second destination appends", async () => {
  const file = join(folder, "order.log");
  for (const round of [0, 1]) {
    const destination = new LogDestination({ file });
    for (let index = 0; index < 10_000; index++) destination.write(`${round} ${index}\n`);
    await destination.close(5_000);
    assert.equal(destination.droppedLines, 0);
  }
  const expected = [0, 1].flatMap((round) =>
    [...Array(10_000).keys()].map((index) => `${round} ${index}\n`),
  );
  assert.equal(readFileSync(file, "utf8"), expected.join(""));
});

test("a pipe that nobody reads costs lines beyond 4 MiB, says so, and does not hold the end back", async () => {
  const file = join(folder, "unread");
  execFileSync("mkfifo", [file]);
  const destination = new LogDestination({ file });
  for (let index = 0; index < 30_000; index++) destination.write(line);
  assert.equal(destination.droppedLines, 30_000 - Math.floor(queuedBytesMax / line.length));
  await destination.close(50);
  assert.match(destination.failure ?? "", /ENXIO/);
});

test("a pipe that is read late gets every line that was not dropped, each whole", async () => {
  const file = join(folder, "late");
  execFileSync("mkfifo", [file]);
  // Open but not read: the pipe takes 64 KiB, then the system answers EAGAIN.
  const reader = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const destination = new LogDestination({ file });
  for (let index = 0; index < 2_000; index++) destination.write(line);
  await eventually("a full pipe", () => /EAGAIN/.test(destination.failure ?? ""));
  const closed = destination.close(5_000);
  const chunks: Buffer[] = [];
  const whole = 2_000 * line.length;
  await eventually("the last line", () => {
    drain(reader, chunks);
    return chunks.reduce((sum, chunk) => sum + chunk.length, 0) >= whole;
  });
  await closed;
  closeSync(reader);
  assert.equal(Buffer.concat(chunks).toString(), line.repeat(2_000));
  assert.equal(destination.failure, undefined);
});

test("a full disk is named, and the lines that wait are kept", async () => {
  const destination = new LogDestination({ file: "/dev/full" });
  destination.write(line);
  await eventually("the failure", () => destination.failure !== undefined);
  assert.match(destination.failure ?? "", /ENOSPC/);
  assert.equal(destination.droppedLines, 0);
  await destination.close(50);
});

test("what is written after the end is dropped and counted", async () => {
  const destination = new LogDestination({ file: join(folder, "closed.log") });
  await destination.close(1_000);
  destination.write(line);
  assert.equal(destination.droppedLines, 1);
});

function drain(fd: number, into: Buffer[]): void {
  const chunk = Buffer.alloc(65_536);
  try {
    const readBytes = readSync(fd, chunk);
    if (readBytes > 0) into.push(chunk.subarray(0, readBytes));
  } catch (error) {
    // Nothing to read at this moment.
    if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
  }
}
