/** The pure parts: ids, balance, placements, and what is computed from them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { balanceOf, chanceDeviation, countByServer } from "./balance.ts";
import { computePlacement, describeGivenMap, serverCounts, streamOfA2 } from "./computation.ts";
import { comparedPlacements, defaultPlacement, givenFunctions } from "./placements.ts";
import { drawIds, ownersOfAllIds } from "./request-ids.ts";

test("the same seed draws the same six-digit ids, another stream or seed others", () => {
  const ids = drawIds(10_000, 1, 1);
  assert.deepEqual(drawIds(10_000, 1, 1), ids);
  assert.ok(ids.every((id) => Number.isInteger(id) && id >= 100_000 && id <= 999_999));
  assert.ok(new Set(ids).size > 9_800, "hardly any twice");
  for (const others of [drawIds(10_000, 2, 1), drawIds(10_000, 1, 2)]) {
    const same = others.filter((id, index) => id === ids[index]).length;
    assert.ok(same < 5, `${same} at the same place`);
  }
});

test("ids are drawn evenly: every tenth of the range gets a tenth of them", () => {
  const tenths = new Array<number>(10).fill(0);
  for (const id of drawIds(90_000, 7, 3)) {
    const tenth = Math.floor((id - 100_000) / 90_000);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  assert.ok(Math.max(...tenths.map((count) => Math.abs(count - 9_000))) < 400, `${tenths}`);
});

test("balance is what school says it is", () => {
  assert.deepEqual(balanceOf([2, 4, 4, 4, 5, 5, 7, 9]), {
    mean: 5,
    max: 9,
    min: 2,
    standardDeviation: 2,
    maxOverMean: 1.8,
  });
  assert.deepEqual(countByServer([1, 3, 3, 0, 4], 3), [1, 0, 2]);
  assert.equal(Math.round(chanceDeviation(10_000, 3)), 47);
});

test("the given functions are those of the source", () => {
  const ownerOf = givenFunctions.owners(3);
  assert.deepEqual([132_574, 100_000, 999_999].map(ownerOf), [3, 1, 1]);
  assert.deepEqual(countByServer(ownersOfAllIds(ownerOf), 3), [759_374, 42_187, 98_439]);
});

test("a dead server owns nothing, and only its own ids have another owner", () => {
  const ids = drawIds(2_000, 5, 1);
  for (const { name, owners } of comparedPlacements) {
    const [whole, wounded] = [owners(3), owners(3, 1)];
    let moved = 0;
    for (const id of ids) {
      const owner = wounded(id);
      assert.ok(owner === 2 || owner === 3, `${name}: ${owner}`);
      if (whole(id) === 1) moved += 1;
      else assert.equal(owner, whole(id), name);
    }
    assert.ok(moved > 100, `${name}: the dead one had something`);
  }
});

test("A-4: changing H alone makes it worse, Φ alone repairs most, a filled table all", () => {
  const worst = comparedPlacements.map((placement) => {
    const { spreads } = computePlacement(placement, { requests: 100, seed: 1 });
    return Math.max(...spreads.map(({ exact }) => exact.maxOverMean));
  });
  const [given = 0, mixedH = 0, mixedPhi = 0, , more = 0, filled = 0, standard = 0] = worst;
  assert.equal(given.toFixed(2), "4.73");
  assert.ok(mixedH > given && mixedPhi < given / 3);
  assert.ok(more < mixedPhi && filled < more && filled < 1.02 && standard < 1.02);
});

test("shares add up, drawn requests are all there, and equal what single ids say", () => {
  const { spreads, drawnA1 } = computePlacement(defaultPlacement, { requests: 500, seed: 3 });
  assert.deepEqual(
    spreads.map(({ servers }) => servers),
    serverCounts,
  );
  for (const { servers, shares, drawn } of spreads) {
    const ids = drawIds(500, 3, streamOfA2(servers));
    assert.deepEqual(drawn, countByServer(ids.map(defaultPlacement.owners(servers)), servers));
    assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
  }
  assert.equal(
    drawnA1.reduce((sum, each) => sum + each, 0),
    500,
  );
});

test("the given map is described by its known numbers", () => {
  assert.deepEqual(describeGivenMap(), {
    reachable: 87,
    topShare: 0.0625,
    topSlot: 80,
    firstTaken: 26,
    lastTaken: 141,
    longestGap: 423,
    gapOwner: 1,
  });
});
