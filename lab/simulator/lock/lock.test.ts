/**
 * The simulator tried on a lock with a lease: the right one stands every storm, each wrong one falls,
 * and what is found can be made small, written down, played again and drawn.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCampaign } from "../campaign.ts";
import { drawTrace } from "../drawing.ts";
import { reportFailure } from "../failure-report.ts";
import { minimise } from "../minimise.ts";
import { runGate } from "../mutation-gate.ts";
import type { Plan } from "../plan.ts";
import { searchSeeds } from "../search.ts";
import { Recorder } from "../trace.ts";
import { lockHarness } from "./harness.ts";

const all = { from: 1, mutant: undefined, choices: {}, failuresMost: 10 };

test("the lock keeps LOCK1, LOCK2 and LOCK3 in 2,000 storms that were not idle", async () => {
  const campaign = { ...all, harness: "lock", count: 2_000, threads: 2 };
  const findings = await runCampaign(campaign);
  assert.deepEqual(findings.failures, []);
  assert.equal(findings.seeds, 2_000);
  assert.ok((findings.tally["grants"] ?? 0) > 20_000);
  assert.ok((findings.tally["crashes"] ?? 0) > 3_000);
});

test("every flaw of the lock is caught within its budget", async () => {
  for (const { mutant, caught } of await runGate(lockHarness, { from: 1, threads: 2 })) {
    assert.ok(caught !== undefined, `${mutant.name} got through: ${mutant.says}`);
  }
});

test("threads find what one loop finds", async () => {
  const range = { ...all, count: 450, mutant: "arrival", failuresMost: 1_000 };
  const apart = await runCampaign({ ...range, harness: "lock", threads: 3 });
  const alone = searchSeeds(lockHarness, range);
  assert.deepEqual({ ...apart, virtualMs: 0 }, { ...alone, virtualMs: 0 }); // Sums of fractions differ.
  assert.ok(apart.failures.length > 20);
});

/** The first plan in which a flaw shows. */
function failing(mutant: string): Plan {
  const { failures } = searchSeeds(lockHarness, { ...all, count: 300, mutant, failuresMost: 1 });
  const seed = failures[0]?.seed ?? 0;
  return lockHarness.draw({ seed, mutant, choices: {} });
}

test("a failing run becomes a small one that fails alike and needs all that is left of it", () => {
  const plan = failing("close");
  const found = minimise(lockHarness, plan);
  assert.ok(found !== undefined);
  assert.equal(found.outcome.violation?.promise, "LOCK1");
  assert.deepEqual(found.plan.misfortunes, []);
  assert.deepEqual(
    found.plan.faults.map(({ type }) => type),
    ["close"],
    "a lie about a closed connection is all that it takes",
  );
  const nothing = { ...found.plan, faults: [] };
  assert.equal(lockHarness.run(nothing).violation, undefined);
});

test("a minimised trace survives being written down, and plays the same run", () => {
  const report = reportFailure(lockHarness, failing("volatile"));
  assert.ok(report !== undefined);
  const again: Plan = JSON.parse(JSON.stringify(report.plan));
  assert.deepEqual(lockHarness.run(again).violation, report.minimised.outcome.violation);
  assert.match(report.text, /lock seed \d+ \(mutant volatile\), commit \w+\nLOCK2 at/);
  assert.equal(lockHarness.run({ ...again, mutant: undefined }).violation, undefined);
});

test("a plan that does not fail has nothing to report", () => {
  const plan = lockHarness.draw({ seed: 1, mutant: undefined, choices: {} });
  assert.equal(reportFailure(lockHarness, plan), undefined);
});

test("a run can be drawn: a lane for each node, an arrow for each letter, a cross for a lost one", () => {
  const plan = failing("amnesia");
  const recorder = new Recorder();
  lockHarness.run(plan, { recorder });
  const options = { title: "a <lock>", nodes: plan.nodes, rowsMost: 100_000, quietKinds: ["ask"] };
  const svg = drawTrace(recorder.rows, options);
  const count = (what: RegExp): number => svg.match(what)?.length ?? 0;
  const received = recorder.rows.filter(({ what }) => what === "receive").length;
  assert.equal(count(/class="lane"/g), plan.nodes);
  assert.equal(count(/<circle/g), received);
  assert.equal(count(/class="cross"/g), recorder.rows.filter(({ what }) => what === "lost").length);
  assert.match(svg, /a &lt;lock&gt;/);
  assert.match(svg, /LOCK1: node \d holds the lock while node \d does/);
  assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
});
