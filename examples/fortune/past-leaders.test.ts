import assert from "node:assert/strict";
import { test } from "node:test";
import { pastLeaders } from "./past-leaders.ts";

type Row = Parameters<typeof pastLeaders>[0][number];

function row(term: number, member: string, ending: Partial<Row> = {}): Row {
  const leader = { member, boot: `${member}-boot` } as Row["leader"];
  return { term, leader, fromMs: Date.UTC(2026, 0, 1) + term, ...ending };
}

test("each leader is told with how its predecessor ended, the newest first", () => {
  const told = pastLeaders([
    row(1, "a", { why: "crash", proof: "exited", detectMs: 90, electMs: 20 }),
    row(2, "b", { why: "silence", detectMs: 600, electMs: 30 }),
    row(3, "c"),
    row(9, "a", { why: "fence", electMs: 5 }),
    row(10, "b"),
  ]);
  assert.deepEqual(
    told.map(({ term, leader, why, tookMs }) => [term, leader, why, tookMs]),
    [
      [10, "b", "a stopped: fence", 5],
      [9, "a", "nobody saw how c ended", null],
      [3, "c", "b went silent", 630],
      [2, "b", "a died", 20],
      [1, "a", "nobody had led before", null],
    ],
  );
  assert.equal(told.at(-1)?.from, "2026-01-01T00:00:00.001Z");
});

test("the page gets the last twenty", () => {
  const rows = Array.from({ length: 30 }, (_, index) => row(index + 1, "a", { why: "resign" }));
  const told = pastLeaders(rows);
  assert.equal(told.length, 20);
  assert.equal(told[0]?.term, 30);
  assert.equal(told[0]?.why, "a handed over");
});
