import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { admissible, type LoadView } from "./load-bound.ts";

function loadOf(inFlight: readonly number[], weights = inFlight.map(() => 1)): LoadView {
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  return { inFlight, total: sum(inFlight), weights, weightSum: sum(weights) };
}

test("a member far ahead of its share is refused, the others are not", () => {
  const load = loadOf([60, 10, 10]); // Limit: ceil(1.25 * 81 / 3) = 34.
  assert.deepEqual(
    [0, 1, 2].map((index) => admissible(load, index)),
    [false, true, true],
  );
  assert.equal(admissible(loadOf([33, 33, 14]), 0), true);
  assert.equal(admissible(loadOf([34, 33, 13]), 0), false);
});

test("a heavier member may have more", () => {
  const load = loadOf([30, 30], [3, 1]); // Limits: 58 and 20.
  assert.equal(admissible(load, 0), true);
  assert.equal(admissible(load, 1), false);
});

test("with little traffic the floor keeps keys at home, and the bare formula would not", () => {
  const load = loadOf([2, 2, 2, 1, 1, 0, 0, 0, 0, 0]);
  const overloaded = (floor: number): number =>
    load.weightSum - [...Array(10).keys()].filter((i) => admissible(load, i, 1.25, floor)).length;
  assert.equal(overloaded(8), 0);
  assert.equal(overloaded(0), 3);
});

// Goal: the bound alone never makes a service unavailable, and it does bind.
// Method: any loads and weights; bound from 1 on; floor 0, the hardest case.
test("somebody is always admissible", () => {
  let refused = 0;
  const member = fc.record({
    inFlight: fc.nat({ max: 500 }),
    weight: fc.integer({ min: 1, max: 1_000 }).map((tenths) => tenths / 10),
  });
  fc.assert(
    fc.property(
      fc.array(member, { minLength: 1, maxLength: 40 }),
      fc.constantFrom(1, 1.25, 2),
      (members, bound) => {
        const load = loadOf(
          members.map(({ inFlight }) => inFlight),
          members.map(({ weight }) => weight),
        );
        const open = members.filter((_, index) => admissible(load, index, bound, 0));
        assert.ok(open.length > 0);
        refused += members.length - open.length;
      },
    ),
    { seed: 1, numRuns: 5_000 },
  );
  assert.ok(refused > 10_000, `only ${refused} refusals: the property says little`);
});

// Goal: greedy admission keeps every member below its limit all the way.
test("loads stay within the bound when only admissible members are used", () => {
  const inFlight = new Int32Array(7);
  const weights = new Float64Array(7).fill(1);
  for (let total = 0; total < 2_000; total++) {
    const load: LoadView = { inFlight, total, weights, weightSum: 7 };
    const index = inFlight.findIndex((_, candidate) => admissible(load, candidate, 1.25, 0));
    inFlight[index] = (inFlight[index] ?? 0) + 1;
    assert.ok((inFlight[index] ?? 0) <= Math.ceil((1.25 * (total + 1)) / 7));
  }
});
