import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ReplayGuard, windowSize } from "./replay-guard.ts";

test("a life that nobody knows has to show the nonce first", () => {
  const guard = new ReplayGuard();
  assert.equal(guard.admit("a", "1", 5, undefined), "unknown-life");
  assert.equal(guard.admit("a", "1", 5, "guess"), "unknown-life");
  assert.equal(guard.admit("a", "1", 6, guard.nonce), "fresh");
  assert.equal(guard.admit("a", "1", 7, undefined), "fresh");
});

test("what was recorded before a life became known is not taken afterwards (A1)", () => {
  const guard = new ReplayGuard();
  guard.admit("a", "1", 20, guard.nonce);
  for (let seq = 0; seq <= 20; seq++) {
    assert.equal(guard.admit("a", "1", seq, guard.nonce), "replayed");
  }
});

test("messages may overtake each other within the window, and each is taken once (A1)", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 400 }),
      (numbers) => {
        const guard = new ReplayGuard();
        guard.admit("a", "1", 0, guard.nonce);
        const taken = new Set<number>();
        let highest = 0;
        for (const seq of numbers) {
          const isFresh = guard.admit("a", "1", seq, undefined) === "fresh";
          const isExpected = !taken.has(seq) && seq > highest - windowSize;
          assert.equal(isFresh, isExpected, `${seq} after ${highest}`);
          if (isFresh) taken.add(seq);
          highest = Math.max(highest, seq);
        }
      },
    ),
    { seed: 11, numRuns: 300 },
  );
});

test("lives are bounded, and a forgotten one cannot be opened with what was recorded (A1, A2)", () => {
  const guard = new ReplayGuard();
  const recorded = guard.nonce;
  guard.admit("a", "first", 1, recorded);
  for (let life = 0; life < 300; life++) guard.admit("b", `${life}`, 1, guard.nonce);
  assert.notEqual(guard.nonce, recorded);
  assert.equal(guard.admit("a", "first", 1, recorded), "unknown-life");
  assert.equal(guard.admit("a", "first", 2, guard.nonce), "fresh");
});
