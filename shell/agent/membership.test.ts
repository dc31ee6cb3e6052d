import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterError, draw, isName, rngFrom } from "@prunella/core/kernel";
import fc from "fast-check";
import {
  added,
  find,
  grown,
  type Member,
  removed,
  renamed,
  shrunk,
  takenNames,
} from "./membership.ts";

const plain = { service: "api", compat: false, taken: new Set<string>() };
const compat = { service: "hello", compat: true, taken: new Set<string>() };

function drawing(seed: number): (below: number) => number {
  let rng = rngFrom(seed);
  return (below) => {
    const next = draw(rng);
    rng = next.rng;
    return Math.floor(next.value * below);
  };
}

test("ordinary members are called after their service, those of the source Server 1, 2, 3", () => {
  assert.deepEqual(grown([], 2, plain), [
    { name: "api-1", number: 1, hostname: "api-1" },
    { name: "api-2", number: 2, hostname: "api-2" },
  ]);
  assert.deepEqual(
    grown([], 3, compat).map(({ name, hostname }) => [name, hostname]),
    [
      ["server-1", "Server 1"],
      ["server-2", "Server 2"],
      ["server-3", "Server 3"],
    ],
  );
});

test("a new member takes the lowest free number, and shrinking removes what came last", () => {
  const three = grown([], 3, plain);
  const gap = three.filter(({ number }) => number !== 2);
  assert.deepEqual(
    grown(gap, 1, plain).map(({ number }) => number),
    [1, 3, 2],
  );
  assert.deepEqual(shrunk(three, 1), three.slice(0, 2));
  assert.deepEqual(shrunk(three, 7), []);
});

test("added members take the given names first and random ones after them", () => {
  const members = added(grown([], 3, compat), 4, ["S5", "S4", "My Host"], compat, drawing(1));
  assert.deepEqual(
    members.slice(3, 6).map(({ name, hostname, number }) => [name, hostname, number]),
    [
      ["S5", "S5", 4],
      ["S4", "S4", 5],
      ["my-host", "My Host", 6],
    ],
  );
  assert.match(members[6]?.hostname ?? "", /^[a-z]+-[a-z]+-\d{4}$/);
});

test("a name that is in use anywhere in the cluster is refused", () => {
  const taken = takenNames({ other: [{ name: "S5", number: 1, hostname: "S5" }] });
  assert.throws(
    () => added([], 1, ["S5"], { ...compat, taken }, drawing(1)),
    (error) => ClusterError.is(error, "HOSTNAME_REFUSED") && /already in use/.test(error.message),
  );
});

test("nobody can be called like a part of Prunella itself", () => {
  for (const name of ["gateway-1", "Gateway 2", "agent", "gateway"]) {
    assert.throws(
      () => added([], 1, [name], compat, drawing(1)),
      (error) =>
        ClusterError.is(error, "HOSTNAME_REFUSED") && /belongs to Prunella/.test(error.message),
      name,
    );
  }
});

test("the source's sample: of three removals two are named and one is random", () => {
  const seven = added(grown([], 3, compat), 4, ["S5", "S4", "S10", "S11"], compat, drawing(1));
  for (let seed = 1; seed <= 50; seed++) {
    const left = removed(seven, 3, ["S5", "S4"], drawing(seed));
    assert.equal(left.length, 4);
    assert.ok(!left.some(({ name }) => name === "S5" || name === "S4"));
  }
});

test("a copy that replaces a dead one keeps name, number and place, and gets a new host name", () => {
  const three = grown([], 3, compat);
  const after = renamed(three, "server-2", takenNames({ hello: three }), drawing(3));
  assert.deepEqual(
    after.map(({ name, number }) => [name, number]),
    three.map(({ name, number }) => [name, number]),
  );
  assert.notEqual(after[1]?.hostname, "Server 2");
  assert.equal(after[0]?.hostname, "Server 1");
});

test("a member is found by host name, by network name and in any case", () => {
  const three = grown([], 3, compat);
  for (const text of ["Server 2", "server-2", "SERVER 2"]) {
    assert.equal(find(three, text)?.number, 2, text);
  }
  assert.equal(find(three, "Server 9"), undefined);
});

// Goal: names and numbers stay unique and valid whatever is added and removed, in any order.
// Method: random sequences of operations from a seed; the number of members is counted beside.
test("names and numbers stay unique over any sequence of changes", () => {
  let changes = 0;
  const operation = fc.record({
    add: fc.boolean(),
    count: fc.integer({ min: 1, max: 5 }),
    random: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 20 }), fc.integer(), (operations, seed) => {
      const dice = drawing(seed);
      let members: readonly Member[] = grown([], 3, compat);
      for (const { add, count, random } of operations) {
        const naming = { ...compat, taken: takenNames({ hello: members }) };
        const before = members.length;
        if (add)
          members = random
            ? added(members, count, [], naming, dice)
            : grown(members, count, naming);
        else members = random ? removed(members, count, [], dice) : shrunk(members, count);
        assert.equal(members.length, add ? before + count : Math.max(0, before - count));
        changes += 1;
        for (const pick of ["name", "number", "hostname"] as const) {
          assert.equal(new Set(members.map((member) => member[pick])).size, members.length, pick);
        }
        assert.ok(members.every(({ name }) => isName(name)));
      }
    }),
    { seed: 7, numRuns: 300 },
  );
  assert.ok(changes > 1_000, `too few changes (${changes}) for the property to mean anything`);
});
