import assert from "node:assert/strict";
import { test } from "node:test";
import { nextVoters, type VoterSight } from "./voter-steps.ts";

const list = (text: string) => text.split(" ").map((name) => ({ name }));
const names = (voters: readonly { readonly name: string }[]) =>
  voters.map(({ name }) => name).join(" ");

function sight(down: string, changes: Partial<VoterSight> = {}): VoterSight {
  return { serves: (name) => !down.includes(name), leader: "a", isLeaving: false, ...changes };
}

/** Voters, wanted, those that are down, who leads; the voters after one step. */
const rows: readonly (readonly [string, string, string, string, string])[] = [
  ["a b c", "a b c", "", "a", "a b c"],
  ["a b c", "a b c d e", "", "a", "a b c d"],
  ["a b c", "a b c d e", "c", "a", "a b c"], // One is down: no more until it is back.
  ["a b c d e", "a b c", "", "a", "a b c d"],
  ["a b c d e", "a b c", "d", "a", "a b c e"], // One that is down costs nothing.
  ["a b c d e", "a b c", "", "e", "a b c e"], // The leader goes last.
  ["a b c e", "a b c", "", "e", "a b c"],
  ["a b c d", "a b c", "b c", "a", "a b c d"], // Those that stay have no majority.
  ["a b c", "a b d", "", "a", "a b c d"], // First one more, then one less.
  ["a b c d", "a b d", "", "a", "a b d"],
];

test("VS1 VS2 VS3: one step at a time, never without a majority, the leader last", () => {
  for (const [voters, wanted, down, leader, after] of rows) {
    const next = nextVoters(list(voters), list(wanted), sight(down, { leader }));
    assert.equal(names(next), after, `${voters} -> ${wanted}, down: ${down}, led by ${leader}`);
  }
});

test("nothing changes while nobody leads, or while one is still on its way out", () => {
  const voters = list("a b c");
  const wanted = list("a b c d");
  assert.equal(nextVoters(voters, wanted, sight("", { leader: undefined })), voters);
  assert.equal(nextVoters(voters, wanted, sight("", { isLeaving: true })), voters);
});

test("VS1: whatever is wanted is reached by single steps", () => {
  const wishes = ["a b c", "a b c d e f g", "c d e", "a b c", "e f g"];
  let voters = list("a b c");
  for (const wish of wishes) {
    const wanted = list(wish);
    for (let step = 0; names(voters.toSorted(byName)) !== wish; step++) {
      assert.ok(step < 12, `${names(voters)} never becomes ${wish}`);
      const leader = voters[0]?.name;
      const next = nextVoters(voters, wanted, sight("", { leader }));
      assert.equal(Math.abs(next.length - voters.length), 1);
      voters = [...next];
    }
  }
});

function byName(one: { readonly name: string }, other: { readonly name: string }): number {
  return one.name < other.name ? -1 : 1;
}
