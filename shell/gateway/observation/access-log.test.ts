import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { LogDestination } from "@prunella/driver";
import type { AccessEntry } from "./access-entry.ts";
import { AccessLog } from "./access-log.ts";

const folder = mkdtempSync(join(tmpdir(), "prunella-log-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const entry: AccessEntry = {
  atMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  requestId: "0badcafe1",
  client: "127.0.0.1",
  method: "GET",
  target: "/home?id=7&token=s3cret",
  status: 200,
  bytesIn: 55,
  bytesOut: 120,
  durationMs: 1.23456,
  service: "hello",
  member: "hello-1",
  attempts: 1,
  diverted: undefined,
  reason: undefined,
};

type Line = { readonly requestId?: string; readonly bytesIn?: number; readonly reason?: string } & {
  readonly warning?: string;
  readonly share?: number;
};

function lines(file: string): readonly Line[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Line => JSON.parse(line));
}

test("an exchange is one line of JSON, without what is secret", async () => {
  const file = join(folder, "one.log");
  const destination = new LogDestination({ file });
  const log = new AccessLog(destination);
  log.write(entry);
  log.write({ ...entry, reason: "connect-failed", diverted: "ejected", attempts: 3, status: 502 });
  await destination.close(1_000);
  assert.deepEqual(lines(file), [
    {
      log: "access",
      time: "2026-01-02T03:04:05.678Z",
      requestId: "0badcafe1",
      client: "127.0.0.1",
      method: "GET",
      path: "/home?id=7&token=[redacted]",
      status: 200,
      bytesIn: 55,
      bytesOut: 120,
      durationMs: 1.235,
      service: "hello",
      member: "hello-1",
      attempts: 1,
    },
    {
      ...lines(file)[0],
      status: 502,
      attempts: 3,
      diverted: "ejected",
      reason: "connect-failed",
    },
  ]);
  assert.equal(readFileSync(file, "utf8").includes("s3cret"), false);
});

test("a sample leaves out what went well, and says for how many a line stands", async () => {
  const file = join(folder, "sampled.log");
  const destination = new LogDestination({ file });
  let turn = 0;
  const draws = [0.3, 0.1, 0.25, 0.249, 0.9];
  const draw = () => draws[turn++ % draws.length] ?? 0;
  const log = new AccessLog(destination, { share: 0.25, draw });
  for (let index = 0; index < 10; index++) log.write({ ...entry, requestId: `${index}` });
  log.write({ ...entry, status: 503, requestId: "late" });
  log.write({ ...entry, status: 0, requestId: "gone", reason: "client-gone" });
  await destination.close(1_000);
  const written = lines(file).map(({ requestId, share }) => [requestId, share]);
  assert.deepEqual(written.slice(0, 4), [
    ["1", 0.25],
    ["3", 0.25],
    ["6", 0.25],
    ["8", 0.25],
  ]);
  assert.deepEqual(written.slice(4), [
    ["late", undefined],
    ["gone", undefined],
  ]);
  assert.equal(turn, 10, "trouble is not drawn");
  assert.equal(log.droppedLines, 0, "what was not to be written was not lost");
});

test("control bytes and quotes cannot break a line", async () => {
  const file = join(folder, "escaped.log");
  const destination = new LogDestination({ file });
  const log = new AccessLog(destination);
  const nasty = 'a"\\\n\r\t\u0000\u007f\u2028é';
  log.write({ ...entry, target: `/${nasty}`, requestId: nasty, method: nasty, client: nasty });
  await destination.close(1_000);
  const [line, ...others] = lines(file);
  assert.deepEqual(others, []);
  assert.equal(line?.requestId, nasty);
});

test("lines are in order and complete when many are written", async () => {
  const file = join(folder, "many.log");
  const destination = new LogDestination({ file });
  const log = new AccessLog(destination);
  // Below the bound: the writer gets no turn of the loop before this loop ends.
  for (let index = 0; index < 10_000; index++) log.write({ ...entry, bytesIn: index });
  await destination.close(5_000);
  assert.equal(log.droppedLines, 0);
  const numbers = lines(file).map((line) => line.bytesIn);
  assert.deepEqual(numbers, [...Array(10_000).keys()]);
});

test("refusals of the parser are limited to ten a second, and the rest is counted", async () => {
  const file = join(folder, "refused.log");
  const destination = new LogDestination({ file });
  const log = new AccessLog(destination);
  const refusal = { ...entry, service: undefined, target: "", method: "", reason: "bare-lf" };
  for (let index = 0; index < 50; index++) log.write({ ...refusal, status: 400 });
  log.write(entry);
  log.write({ ...refusal, atMs: entry.atMs + 1_000 });
  await destination.close(1_000);
  const written = lines(file);
  assert.equal(written.filter((line) => line.reason === "bare-lf").length, 11);
  assert.equal(log.droppedLines, 40);
  assert.ok(written.some((line) => line.warning === "log lines were dropped"));
});
