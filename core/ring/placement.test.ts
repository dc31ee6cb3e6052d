import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { promisify } from "node:util";
import fc from "fast-check";
import { ClusterError, type ErrorCode, instanceName } from "../kernel/index.ts";
import { compare } from "./comparison.ts";
import { describe } from "./description.ts";
import { hashKey } from "./key-hash.ts";
import {
  nextOwner,
  nextOwnerIndex,
  ownerIndex,
  ownerOf,
  type Placement,
  place,
  type RingMember,
  ringMembersMax,
} from "./placement.ts";

function member(id: string, weight = 1): RingMember {
  return { id: instanceName(id), weight };
}

function numbered(count: number, name = "hello"): readonly RingMember[] {
  return Array.from({ length: count }, (_, index) => member(`${name}-${index + 1}`));
}

function without(members: readonly RingMember[], gone: number): readonly RingMember[] {
  return members.filter((_, index) => index !== gone);
}

function digest(placement: Placement): string {
  const ids = placement.members.map(({ id, weight }) => `${id}=${weight}`).join(",");
  return createHash("sha256").update(ids).update(placement.slots).digest("hex");
}

function refusal(code: ErrorCode, words: RegExp): (error: unknown) => boolean {
  return (error) => ClusterError.is(error, code) && words.test(error.message);
}

const ids = (lengthMin: number, lengthMax: number): fc.Arbitrary<readonly string[]> =>
  fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/), {
    minLength: lengthMin,
    maxLength: lengthMax,
  });

test("a key finds its owner, the same by index and by name", () => {
  const placement = place(numbered(3));
  const hash = hashKey("/home");
  assert.equal(ownerOf(placement, hash), placement.members[ownerIndex(placement, hash)]?.id);
  assert.equal(placement.slots.length, 131_072);
  assert.equal(ownerIndex(placement, hash), placement.slots[hash >>> 15]);
});

// A release that changes this line sends nearly every key to another member while it is rolled out.
test("the placement of five members is what it was in every release", () => {
  const expected = "634690b5e2194ceee0d126546611e6c85a9aaebf519ec4880f0387195b2dd6fe";
  assert.equal(digest(place(numbered(5))), expected);
});

test("one member owns everything and is its own next choice", () => {
  const placement = place([member("only", 0.01)]);
  for (const hash of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, -1]) {
    assert.equal(ownerOf(placement, hash), "only");
    for (let attempt = 1; attempt < 20; attempt++) {
      assert.equal(nextOwner(placement, hash, attempt), "only");
    }
  }
});

test("impossible rings are refused with the cure", () => {
  assert.throws(() => place([]), refusal("RING_EMPTY", /at least one member/));
  assert.throws(
    () => place([member("a"), member("b"), member("a")]),
    refusal("RING_DUPLICATE", /"a" stands in the ring twice/),
  );
  for (const weight of [0, -1, 100.1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(
      () => place([member("a"), member("b", weight)]),
      refusal("RING_WEIGHT", /"b" has weight .* Use a number above 0/),
    );
  }
  assert.throws(
    () => place([member("a", 100), member("b", 0.09)]),
    refusal("RING_WEIGHT", /from 0.09 to 100/),
  );
  for (const slotCount of [0, 1, 3, 1_000, 2 ** 24, 2.5, -2, Number.NaN]) {
    assert.throws(
      () => place(numbered(1), { slotCount }),
      refusal("RING_OPTION", /power of two from 2 to/),
    );
  }
  assert.throws(() => place(numbered(5), { slotCount: 4 }), refusal("RING_FULL", /5 members/));
  assert.throws(() => place(numbered(ringMembersMax + 1)), refusal("RING_FULL", /at most 65535/));
});

// Goal: G13 and full coverage on any table. Method: 10,000 random sets on small tables, where an
// order that matters or a walk that misses a slot shows at once.
test("every slot has an owner, and the order of the members does not matter", () => {
  let reordered = 0;
  const sets = ids(1, 16).chain((names) =>
    fc.record({
      members: fc.constant(names.map((name, index) => member(name, 1 + (index % 3)))),
      shuffled: fc.shuffledSubarray([...names.keys()], { minLength: names.length }),
      bits: fc.integer({ min: Math.max(1, Math.ceil(Math.log2(names.length))), max: 9 }),
    }),
  );
  fc.assert(
    fc.property(sets, ({ members, shuffled, bits }) => {
      const slotCount = 2 ** bits;
      const placement = place(members, { slotCount });
      assert.equal(placement.slots.length, slotCount);
      assert.ok(placement.slots.every((index) => index < members.length));
      const again = shuffled.flatMap((index) => members[index] ?? []);
      assert.deepEqual(place(again, { slotCount }), placement);
      if (shuffled.some((from, to) => from !== to)) reordered++;
    }),
    { seed: 13, numRuns: 10_000 },
  );
  assert.ok(reordered > 8_000, `only ${reordered} inputs were in another order`);
});

test("members are ordered by code units, never by language", () => {
  const placement = place(["b", "ä", "a", "Z", "a-1", "B"].map((id) => member(id)));
  assert.deepEqual(
    placement.members.map(({ id }) => id),
    ["B", "Z", "a", "a-1", "b", "ä"],
  );
});

test("another process with another locale builds the same placement from a shuffled list", async () => {
  const members = [
    ...numbered(40),
    member("Zebra", 3),
    member("Äpfel", 0.5),
    member("ıstanbul", 2),
  ];
  const shuffled = [...members.slice(17), ...members.slice(0, 17).reverse()];
  const script = `
    import { createHash } from "node:crypto";
    import { place } from ${JSON.stringify(new URL("./placement.ts", import.meta.url).href)};
    const { members, slots } = place(JSON.parse(process.argv[1]));
    const ids = members.map(({ id, weight }) => id + "=" + weight).join(",");
    process.stdout.write(createHash("sha256").update(ids).update(slots).digest("hex"));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "-e", script, JSON.stringify(shuffled)],
    { env: { ...process.env, LC_ALL: "tr_TR.UTF-8" } },
  );
  assert.equal(stdout, digest(place(members)));
});

// Goal: balance for every count of members that people use. Method: all of them, by exact count.
test("the largest share of 2 to 100 members is at most 1.01 of the mean", () => {
  for (let count = 2; count <= 100; count++) {
    const { maxOverMean, share } = describe(place(numbered(count)));
    assert.ok(maxOverMean <= 1.01, `${count} members: ${maxOverMean}`);
    assert.ok(Math.abs(share.reduce((sum, part) => sum + part, 0) - 1) < 1e-9);
  }
});

test("hundreds of members stay within 1.02 of the mean, on smaller tables too", () => {
  for (const [count, slotCount] of [
    [300, 65_536],
    [655, 65_536],
    [1_000, 131_072],
    [1_310, 131_072],
  ] as const) {
    const { maxOverMean } = describe(place(numbered(count), { slotCount }));
    assert.ok(maxOverMean <= 1.02, `${count} members: ${maxOverMean}`);
  }
  assert.equal(place(numbered(1_310)).slots.length, 131_072);
  assert.equal(place(numbered(1_311)).slots.length, 262_144);
});

// Goal: G14. Method: random sets with real names, one random member leaves; read backwards it joins.
test("a leave or a join moves at most 1/n + 1 % of the keys", () => {
  let extra = 0;
  const sets = ids(2, 100).chain((names) =>
    fc.record({ names: fc.constant(names), gone: fc.nat({ max: names.length - 1 }) }),
  );
  fc.assert(
    fc.property(sets, ({ names, gone }) => {
      const members = names.map((name) => member(name));
      const before = place(members);
      const after = place(without(members, gone));
      const left = compare(before, after);
      assert.ok(left.moved <= 1 / names.length + 0.01, `${names.length} members: ${left.moved}`);
      assert.ok(Math.abs(left.needed - 1 / names.length) < 0.001, "a leaver gives its share away");
      const joined = compare(after, before);
      assert.ok(Math.abs(joined.moved - left.moved) < 1e-12, "a join is the mirror of a leave");
      extra = Math.max(extra, left.extra);
    }),
    { seed: 14, numRuns: 120 },
  );
  assert.ok(extra > 0.001, "nothing ever moved needlessly: the property does not look");
});

test("a few hundred members, where needless movement is largest, keep the bound too", () => {
  for (const count of [200, 500, 900]) {
    const members = numbered(count, "shop-web");
    const { moved } = compare(place(members), place(without(members, count >> 1)));
    assert.ok(moved <= 1 / count + 0.01, `${count} members: ${moved}`);
  }
});

test("a restart moves nothing, because a placement knows no incarnations and no states", () => {
  assert.deepEqual(compare(place(numbered(7)), place([...numbered(7)])), {
    moved: 0,
    needed: 0,
    extra: 0,
  });
});

test("a changed weight moves little more than it must", () => {
  const others = numbered(8);
  const { moved, needed } = compare(
    place([...others, member("light", 0.1)]),
    place([...others, member("light", 0.2)]),
  );
  assert.ok(Math.abs(needed - (0.2 / 8.2 - 0.1 / 8.1)) < 0.0001, `needed ${needed}`);
  assert.ok(moved - needed < 0.002, `extra ${moved - needed}`);
});

// Goal: shares follow weights. Method: weights from 0.1 to 1, 2 to 50 members, exact shares.
test("every share is within 1 % of what the weight entitles to", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 2, maxLength: 50 });
  let uneven = 0;
  fc.assert(
    fc.property(weights, (tenths) => {
      const members = tenths.map((tenth, index) => member(`m${index}`, tenth / 10));
      const placement = place(members);
      const { share } = describe(placement);
      const sum = tenths.reduce((total, tenth) => total + tenth, 0);
      for (const [index, { weight }] of placement.members.entries()) {
        const fair = (weight * 10) / sum;
        const off = Math.abs((share[index] ?? 0) / fair - 1);
        assert.ok(
          off <= 0.01,
          `weight ${weight} among ${tenths.length}: ${(100 * off).toFixed(2)} % off`,
        );
      }
      if (new Set(tenths).size > 1) uneven++;
    }),
    { seed: 15, numRuns: 100 },
  );
  assert.ok(uneven > 80);
});

test("the extreme weights are served: 0.1 beside 100", () => {
  const { share } = describe(place([member("heavy", 100), member("light", 0.1)]));
  assert.ok(Math.abs((share[1] ?? 0) / (0.1 / 100.1) - 1) < 0.01, `light has ${share[1]}`);
});

test("nextOwner reaches every member within 8 n attempts, whatever the hash", () => {
  let jumpsEnough = 0;
  const cases = fc.record({
    count: fc.integer({ min: 1, max: 60 }),
    hash: fc.integer({ min: 0, max: 0xffffffff }),
  });
  const placements = new Map<number, Placement>();
  fc.assert(
    fc.property(cases, ({ count, hash }) => {
      const placement = placements.get(count) ?? place(numbered(count), { slotCount: 1_024 });
      placements.set(count, placement);
      const reached = new Set<number>();
      for (let attempt = 1; attempt <= 7 * count; attempt++) {
        reached.add(nextOwnerIndex(placement, hash, attempt));
      }
      if (reached.size === count) jumpsEnough++;
      for (let attempt = 7 * count + 1; attempt <= 8 * count; attempt++) {
        reached.add(nextOwnerIndex(placement, hash, attempt));
      }
      assert.equal(reached.size, count);
    }),
    { seed: 16, numRuns: 2_000 },
  );
  assert.ok(
    jumpsEnough > 1_500 && jumpsEnough < 2_000,
    `${jumpsEnough}: jumps alone do not suffice`,
  );
});

test("the keys of a member that cannot serve spread over all others", () => {
  const placement = place(numbered(5));
  const counts = new Uint32Array(5);
  for (let key = 0; key < 100_000; key++) {
    const hash = hashKey(`k${key}`);
    if (ownerIndex(placement, hash) !== 0) continue;
    let attempt = 1;
    while (nextOwnerIndex(placement, hash, attempt) === 0) attempt++;
    const index = nextOwnerIndex(placement, hash, attempt);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  assert.equal(counts[0], 0);
  for (const count of counts.subarray(1)) assert.ok(count > 4_500 && count < 5_500, `${count}`);
});

test("placements of different slot counts can be compared", () => {
  const coarse = place(numbered(3), { slotCount: 1_024 });
  const fine = place(numbered(3), { slotCount: 4_096 });
  const { moved, needed } = compare(coarse, fine);
  assert.ok(moved > 0.5 && needed < 0.01, "another slot count is another placement");
  assert.equal(compare(fine, fine).moved, 0);
});

test("the picture shows every member with its share and its place in the table", () => {
  const { picture } = describe(place([member("a"), member("b", 3)], { slotCount: 64 }));
  assert.match(picture, /^64 slots, 2 members/);
  assert.match(picture, /1 {2}a {3}25\.00 % {2}16 slots {2}#{13}\n/);
  assert.match(picture, /2 {2}b {3}75\.00 % {2}48 slots {2}#{40}\n/);
  assert.match(picture, /\n +0 {2}[12]{64}$/);
  assert.match(describe(place(numbered(70))).picture, /and 8 more members/);
});
