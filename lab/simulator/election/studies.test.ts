/** What elections cost, in virtual time: the numbers that documents promise. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type CutShape,
  expectedMessages,
  failover,
  failoverMessages,
  flapping,
  manyMembers,
  mergeKeepsMajority,
  rejoin,
} from "./studies.ts";

const seeds = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => index + 1);

test("a failover costs 3n-5 messages without votes and 5n-8 with, plus one to the dead leader", () => {
  for (const nodes of [3, 5, 7, 10, 20, 50, 100]) {
    for (const mode of ["available", "quorum"] as const) {
      for (const evidence of ["refused", "proof"] as const) {
        const { messages, terms } = failoverMessages(mode, nodes, 1, evidence);
        const expected = expectedMessages(mode, nodes, evidence) + 1;
        assert.equal(messages, expected, `${mode}, ${nodes} members, ${evidence}`);
        assert.equal(terms, 1);
      }
    }
  }
});

test("a loss leaves no gap longer than the bound and costs one term (L1, L5)", () => {
  for (const loss of ["killed, proven", "killed", "frozen"] as const) {
    const runs = seeds(50).map((seed) => failover("lan", loss, seed));
    for (const { tookMs, boundMs } of runs) {
      assert.ok(tookMs <= boundMs, `${loss}: ${tookMs} of ${boundMs} ms`);
    }
    const terms = runs.map((one) => one.terms).sort((a, b) => a - b);
    assert.ok((terms[47] ?? 9) <= 2, `${loss}: terms ${terms}`);
  }
});

test("1,000 members without votes have one leader, within the bound (L1, L8)", () => {
  const { startMs, failoverMs, agreedMs, leaders, boundMs } = manyMembers(1_000, 1);
  assert.equal(leaders, 1);
  assert.ok(startMs <= 3_000 + boundMs, `cold start ${startMs} ms`);
  assert.ok(failoverMs <= boundMs, `failover ${failoverMs} of ${boundMs} ms`);
  assert.ok(agreedMs <= boundMs + 200, `agreement ${agreedMs} ms`);
});

test("a follower that was cut off in any way costs no term; without pre-vote it does (L6, L7)", () => {
  const shapes: readonly CutShape[] = ["around", "into", "out of", "link to the leader"];
  for (const shape of shapes) {
    for (const mode of ["quorum", "available"] as const) {
      for (const seed of seeds(40)) {
        assert.equal(rejoin({ shape, preVote: true, mode }, seed), 0, `${shape}, seed ${seed}`);
      }
    }
  }
  assert.throws(() => rejoin({ shape: "around", preVote: false, mode: "quorum" }, 1), /S5/);
});

test("after a heal the leader of the larger side stays", () => {
  for (const seed of seeds(100)) assert.ok(mergeKeepsMajority(seed), `seed ${seed}`);
});

test("a best member that keeps failing moves the lead once, unless it may take it back (L3)", () => {
  assert.equal(flapping("never", 1), 1);
  const damped = flapping("after-stable", 1);
  const classic = flapping("always", 1);
  assert.ok(damped <= 8, `${damped} changes although it is damped`);
  assert.ok(classic >= 30, `${classic} changes, as in classic Bully`);
});
