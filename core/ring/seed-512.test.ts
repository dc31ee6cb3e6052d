import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ClusterError, type ErrorCode } from "../kernel/index.ts";
import {
  ownerOfSeed512,
  type Probing,
  placeSeed512,
  type Seed512,
  type Seed512Member,
  type Seed512Options,
} from "./seed-512.ts";
import { requestHashes, serverHashes } from "./seed-512-hashes.ts";

const probings: readonly Probing[] = ["linear", "quadratic", "triangular"];

function live(...numbers: readonly number[]): readonly Seed512Member[] {
  return numbers.map((number) => ({ number, live: true }));
}

function firstNumbers(count: number): readonly Seed512Member[] {
  return live(...Array.from({ length: count }, (_, index) => index + 1));
}

function down(members: readonly Seed512Member[], number: number): readonly Seed512Member[] {
  return members.map((member) => (member.number === number ? { number, live: false } : member));
}

function refusal(code: ErrorCode, words: RegExp): (error: unknown) => boolean {
  return (error) => ClusterError.is(error, code) && words.test(error.message);
}

function occupied(map: Seed512): string {
  return [...map.slots]
    .flatMap((number, slot) => (number === 0 ? [] : `${slot}:${number}`))
    .join(" ");
}

/** The source's map as its text reads, filled in the order given. Lookup walks clockwise each time. */
function model(order: readonly number[], probing: Probing = "linear"): readonly number[] {
  const slots: number[] = Array.from({ length: 512 }, () => 0);
  for (const i of order) {
    for (let j = 0; j < 9; j++) {
      const home = (i * i + j * j + 2 * j + 25) % 512;
      let slot = home;
      for (let k = 1; slots[slot] !== 0; k++) {
        const step = { linear: k, quadratic: k * k, triangular: (k * (k + 1)) / 2 }[probing];
        slot = (home + (k <= 512 ? step : k - 512)) % 512;
      }
      slots[slot] = i;
    }
  }
  return slots;
}

function modelOwner(slots: readonly number[], tombstones: ReadonlySet<number>, id: bigint): number {
  let slot = Number((id * id + 2n * id + 17n) % 512n);
  while (slots[slot] === 0 || tombstones.has(slots[slot] ?? 0)) slot = (slot + 1) % 512;
  return slots[slot] ?? 0;
}

function permutations(items: readonly number[]): readonly (readonly number[])[] {
  if (items.length <= 1) return [items];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

test("three servers stand in the slots that the source's functions give them (G18)", () => {
  assert.equal(
    occupied(placeSeed512(firstNumbers(3))),
    "26:1 29:1 30:2 32:2 34:1 35:3 37:2 38:3 41:1 42:3 44:2 49:3 50:1 53:2 58:3 61:1 64:2 69:3 " +
      "74:1 77:2 82:3 89:1 92:2 97:3 106:1 109:2 114:3",
  );
});

test("the sample request of the source goes to server 3", () => {
  const map = placeSeed512(firstNumbers(3));
  assert.equal(requestHashes.source(132_574, 512) % 512, 81);
  assert.equal(ownerOfSeed512(map, 132_574), 3);
  assert.equal(ownerOfSeed512(map, 100_000), 1); // Slot 337, over the seam.
  assert.equal(ownerOfSeed512(map, 999_999), 1); // Slot 16.
});

test("a slot that is taken serves its own requests: clockwise includes the slot itself", () => {
  const map = placeSeed512(live(1, 2), { requestHash: (id) => id });
  assert.equal(ownerOfSeed512(map, 29), 1);
  assert.equal(ownerOfSeed512(map, 30), 2);
  assert.equal(ownerOfSeed512(map, 31), 2);
});

test("huge and negative request ids are exact, where squares in doubles would lose bits", () => {
  const map = placeSeed512(firstNumbers(3));
  const slots = model([1, 2, 3]);
  for (const id of [94_906_265, 94_906_267, 2 ** 31, 2 ** 40 + 3, Number.MAX_SAFE_INTEGER]) {
    assert.equal(ownerOfSeed512(map, id), modelOwner(slots, new Set(), BigInt(id)), `${id}`);
  }
  assert.equal(ownerOfSeed512(map, -3), ownerOfSeed512(map, 1)); // (-3 + 1)^2 = (1 + 1 - 4)^2.
});

// Goal: G18 for all sets, tombstones and probings. Method: compare with the naive map above.
test("the map equals the source's for any set of numbers, whatever order it comes in", () => {
  let collisions = 0;
  const cases = fc.record({
    numbers: fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 56 }),
    dead: fc.nat({ max: 2 ** 31 - 1 }),
    probing: fc.constantFrom(...probings),
    ids: fc.array(fc.integer({ min: 100_000, max: 999_999 }), { minLength: 5, maxLength: 5 }),
  });
  fc.assert(
    fc.property(cases, ({ numbers, dead, probing, ids }) => {
      const tombstones = new Set(
        numbers.filter((_, index) => index > 0 && (dead >> (index % 31)) & 1),
      );
      const members = numbers.map((number) => ({ number, live: !tombstones.has(number) }));
      const map = placeSeed512(members, { probing });
      const slots = model(
        numbers.toSorted((a, b) => a - b),
        probing,
      );
      assert.deepEqual([...map.slots], slots);
      for (const id of ids) {
        assert.equal(ownerOfSeed512(map, id), modelOwner(slots, tombstones, BigInt(id)));
      }
      for (const number of numbers) {
        assert.equal(slots.filter((holder) => holder === number).length, 9, "K slots each");
      }
      if (map.longestProbe > 0) collisions++;
    }),
    { seed: 18, numRuns: 2_000 },
  );
  assert.ok(collisions > 1_500, `only ${collisions} maps had a collision`);
});

test("all orders of insertion give one map, where the plain algorithm gives n! different ones", () => {
  for (const count of [3, 4, 5, 6]) {
    const orders = permutations(Array.from({ length: count }, (_, index) => index + 1));
    const plain = new Set(orders.map((order) => model(order).join()));
    const ours = new Set(orders.map((order) => placeSeed512(live(...order)).slots.join()));
    assert.equal(ours.size, 1);
    assert.equal(plain.size, orders.length, "a build in the order of arrival would be caught");
  }
});

test("probing never loses a member, up to the last slot of the table", () => {
  for (const probing of probings) {
    for (let count = 1; count <= 56; count++) {
      const { slots } = placeSeed512(firstNumbers(count), { probing });
      assert.equal(slots.filter((number) => number !== 0).length, 9 * count);
    }
    const crowded: Seed512Options = {
      probing,
      slotCount: 64,
      virtualCount: 8,
      serverHash: () => 5,
    };
    assert.equal(new Set(placeSeed512(firstNumbers(8), crowded).slots).size, 8, "full to the brim");
  }
});

test("probes are as long as computed: 3 for six servers, 431 for 56, 88 with triangular steps", () => {
  const longest = (count: number, probing: Probing): number =>
    placeSeed512(firstNumbers(count), { probing }).longestProbe;
  assert.equal(longest(6, "linear"), 3);
  assert.equal(longest(56, "linear"), 431);
  assert.equal(longest(56, "triangular"), 88);
  // More than 512 steps: the squares found no free slot, and the linear walk had to help.
  assert.ok(longest(39, "quadratic") <= 512);
  assert.ok(longest(40, "quadratic") > 512);
});

test("steps of k * k reach 87 slots, triangular steps all 512", () => {
  const reached = (distance: (k: number) => number): number =>
    new Set(Array.from({ length: 1_024 }, (_, k) => distance(k) % 512)).size;
  assert.equal(
    reached((k) => k * k),
    87,
  );
  assert.equal(
    reached((k) => (k * (k + 1)) / 2),
    512,
  );
});

test("one server too many is an error that says how many fit", () => {
  assert.equal(placeSeed512(firstNumbers(56)).members.length, 56);
  for (const probing of probings) {
    assert.throws(
      () => placeSeed512(firstNumbers(57), { probing }),
      refusal("RING_FULL", /57 servers .* 512 slots\. Keep at most 56/),
    );
  }
  assert.throws(
    () => placeSeed512(down(firstNumbers(57), 4)),
    refusal("RING_FULL", /57/),
    "a tombstone keeps its slots",
  );
});

test("impossible numbers and settings are refused with the cure", () => {
  for (const number of [0, -1, 1.5, Number.NaN, 2 ** 31]) {
    assert.throws(
      () => placeSeed512(live(number)),
      refusal("RING_NUMBER", /not an integer from 1/),
    );
  }
  assert.throws(() => placeSeed512(live(1, 2, 1)), refusal("RING_NUMBER", /1 is used twice/));
  assert.throws(
    () => placeSeed512(live(1), { slotCount: 0 }),
    refusal("RING_OPTION", /slotCount is 0\. Use an integer from 1/),
  );
  assert.throws(
    () => placeSeed512(live(1), { virtualCount: 513 }),
    refusal("RING_OPTION", /virtualCount is 513/),
  );
  assert.throws(
    () => placeSeed512(live(1), { serverHash: (i, j) => i + j / 2 }),
    refusal("RING_OPTION", /serverHash returned 1\.5/),
  );
  const map = placeSeed512(live(1), { requestHash: () => Number.NaN });
  assert.throws(() => ownerOfSeed512(map, 1), refusal("RING_OPTION", /requestHash returned NaN/));
});

test("M, K, H and Phi are pluggable, and negative hashes still name a slot", () => {
  const map = placeSeed512(live(3, 8), {
    slotCount: 10,
    virtualCount: 2,
    serverHash: (i, j) => -(i + j),
    requestHash: (id) => -id,
  });
  assert.equal(occupied(map), "1:8 2:8 6:3 7:3");
  assert.equal(ownerOfSeed512(map, 5), 3); // Slot 5, clockwise 6.
  assert.equal(ownerOfSeed512(map, 2), 8); // Slot 8, over the seam to 1.
  assert.equal(placeSeed512(live(1), { serverHash: serverHashes.mixed }).slots.length, 512);
});

test("an empty map and a map of tombstones own nothing", () => {
  assert.equal(ownerOfSeed512(placeSeed512([]), 132_574), undefined);
  assert.equal(ownerOfSeed512(placeSeed512([{ number: 1, live: false }]), 132_574), undefined);
});

/** Slots whose owner changed although the old owner lives on. */
function movedNeedlessly(before: Seed512, after: Seed512, failed: number): number {
  return [...before.owners].filter(
    (owner, slot) => owner !== failed && owner !== after.owners[slot],
  ).length;
}

test("a server that fails moves only its own requests, and its return moves exactly them back", () => {
  for (const probing of probings) {
    for (let count = 2; count <= 56; count += 6) {
      const members = firstNumbers(count);
      const before = placeSeed512(members, { probing });
      for (const { number } of members) {
        const during = placeSeed512(down(members, number), { probing });
        assert.deepEqual(during.slots, before.slots);
        assert.equal(movedNeedlessly(before, during, number), 0);
        assert.equal(during.owners.includes(number), false);
      }
    }
  }
});

test("a forgotten tombstone would be caught: a map without the failed server moves others", () => {
  const forgetful = (count: number, failed: number): number => {
    const members = firstNumbers(count);
    const rebuilt = placeSeed512(members.filter(({ number }) => number !== failed));
    return movedNeedlessly(placeSeed512(members), rebuilt, failed);
  };
  const moved = [2, 3, 4, 5, 6].flatMap((count) =>
    firstNumbers(count).map(({ number }) => forgetful(count, number)),
  );
  assert.equal(Math.max(...moved), 7); // The price of /rm, which does free the number.
  assert.equal(Math.min(...moved), 0);
});

test("while server 1 is down, server 2 inherits the empty arc", () => {
  const map = placeSeed512(down(firstNumbers(3), 1));
  const counts = new Map<number | undefined, number>();
  for (let id = 100_000; id <= 999_999; id++) {
    const owner = ownerOfSeed512(map, id);
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  assert.equal(((counts.get(2) ?? 0) / 9_000).toFixed(1), "87.5");
  assert.equal(((counts.get(3) ?? 0) / 9_000).toFixed(1), "12.5");
});
