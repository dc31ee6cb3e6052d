/**
 * Ten thousand elections in storms, and the same storms with one rule missing at a time: the true
 * machine keeps S1 to S10 and finds a leader again (L1, L2, L4); no mutant gets through.
 *
 * More: `npm run simulate -- election --seeds 1000000`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { allRules } from "@prunella/core/election";
import { runCampaign } from "../campaign.ts";
import { reportFailure } from "../failure-report.ts";
import { runGate } from "../mutation-gate.ts";
import { electionHarness } from "./harness.ts";
import { mutants } from "./mutants.ts";

const seeds = 10_000;

test("10,000 storms break no promise of an election, and were storms", async () => {
  const campaign = { harness: "election", from: 1, count: seeds, mutant: undefined, choices: {} };
  const { failures, tally } = await runCampaign({ ...campaign, failuresMost: 3, threads: 2 });
  const [first] = failures;
  if (first !== undefined) {
    const plan = electionHarness.draw({ seed: first.seed, mutant: undefined, choices: {} });
    assert.fail(reportFailure(electionHarness, plan)?.text ?? `seed ${first.seed}`);
  }
  const atLeast = (what: string, least: number): void =>
    assert.ok((tally[what] ?? 0) >= least, `${what}: ${tally[what]}, at least ${least}`);
  atLeast("quorum", seeds / 2);
  atLeast("available", seeds / 10);
  atLeast("arbiter", seeds / 10);
  atLeast("crashes", 2 * seeds);
  atLeast("leaderships", 3 * seeds);
  atLeast("writes", 100 * seeds);
  atLeast("refused writes", seeds);
  atLeast("forgeries", seeds);
});

test("voters without memory are safe, although restarts may put them out of service", async () => {
  const choices = { mode: "quorum", memory: "yes" };
  const campaign = { harness: "election", from: 1, count: 1_000, mutant: undefined, choices };
  const { failures, tally } = await runCampaign({ ...campaign, failuresMost: 3, threads: 2 });
  assert.deepEqual(failures, []);
  assert.ok((tally["stuck"] ?? 0) > 100, `only ${tally["stuck"]} of 1,000 are stuck`);
});

test("every rule of an election has a mutant, and every mutant is caught", async () => {
  const names = mutants.map(({ name }) => name);
  assert.deepEqual([...names].sort(), [...Object.keys(allRules), "tokenCheck"].sort());
  for (const { mutant, caught } of await runGate(electionHarness, { from: 1, threads: 2 })) {
    assert.ok(caught !== undefined, `${mutant.name} got through: ${mutant.says}`);
  }
});
