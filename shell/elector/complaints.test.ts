import assert from "node:assert/strict";
import { test } from "node:test";
import { complaints } from "./complaints.ts";

test("without a log, warnings and errors are lines on stderr, each kind now and then", () => {
  const lines: string[] = [];
  let nowMs = 0;
  const log = complaints(
    (line) => lines.push(line),
    () => nowMs,
  );
  log.info("this member leads");
  log.warn("a fence was not raised", { fence: "the jar", why: "Error: full", tries: 2 });
  log.warn("a fence was not raised", { fence: "the jar", why: "Error: full", tries: 3 });
  log.error("this member cannot vote");
  nowMs = 5_000;
  log.warn("a fence was not raised", { fence: "the jar" });
  assert.deepEqual(lines, [
    "election: a fence was not raised; fence: the jar; why: Error: full; tries: 2\n",
    "election: this member cannot vote\n",
    "election: a fence was not raised; fence: the jar\n",
  ]);
});
