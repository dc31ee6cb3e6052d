import assert from "node:assert/strict";
import { test } from "node:test";
import { Draws } from "../../../lab/fuzz/draws.ts";
import { dropRange } from "./dropped-lines.ts";

// Goal: whatever the order in which lines are dropped, the ranges say exactly which bytes are gone, are
// ascending and never touch. Method: random lines, dropped in random order, some twice, against a set.
test("ranges equal the set of dropped lines", () => {
  let merged = 0;
  for (let seed = 1; seed <= 2_000; seed++) {
    const draws = new Draws(seed);
    const starts = [0];
    const count = 1 + draws.below(40);
    for (let index = 0; index < count; index++) {
      starts.push((starts.at(-1) ?? 0) + 4 + draws.below(20));
    }
    const dropping = { drops: new Int32Array(4), dropCount: 0 };
    const gone = new Set<number>();
    const drops = draws.below(2 * count);
    for (let index = 0; index < drops; index++) {
      const line = draws.below(count);
      gone.add(line);
      dropRange(dropping, starts[line] ?? 0, starts[line + 1] ?? 0);
    }
    const wanted: number[] = [];
    for (let line = 0; line < count; line++) {
      if (!gone.has(line)) continue;
      if (wanted.at(-1) === starts[line]) wanted.pop();
      else wanted.push(starts[line] ?? 0);
      wanted.push(starts[line + 1] ?? 0);
    }
    assert.deepEqual(
      [...dropping.drops.subarray(0, 2 * dropping.dropCount)],
      wanted,
      `seed ${seed}`,
    );
    if (dropping.dropCount < gone.size) merged++;
  }
  assert.ok(merged > 1_000, `only ${merged} worlds had neighbours`);
});
