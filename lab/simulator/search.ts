/** Runs seeds one after another and adds up: the work of one thread of a campaign. */
import type { Harness, Outcome } from "./plan.ts";

export type SeedRange = {
  readonly from: number;
  readonly count: number;
  readonly mutant: string | undefined;
  readonly choices: Readonly<Record<string, string>>;
  /** Enough is known after so many failures. */
  readonly failuresMost: number;
};

export type Failure = {
  readonly seed: number;
  readonly violation: NonNullable<Outcome["violation"]>;
};

export type Findings = {
  readonly seeds: number;
  readonly virtualMs: number;
  readonly steps: number;
  readonly tally: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
};

export const noFindings: Findings = { seeds: 0, virtualMs: 0, steps: 0, tally: {}, failures: [] };

export function searchSeeds(harness: Harness, range: SeedRange): Findings {
  const { from, count, mutant, choices, failuresMost } = range;
  const tally: Record<string, number> = {};
  const failures: Failure[] = [];
  let seeds = 0;
  let virtualMs = 0;
  let steps = 0;
  for (let seed = from; seed < from + count && failures.length < failuresMost; seed += 1) {
    const outcome = harness.run(harness.draw({ seed, mutant, choices }));
    seeds += 1;
    virtualMs += outcome.virtualMs;
    steps += outcome.steps;
    for (const [name, times] of Object.entries(outcome.tally)) {
      tally[name] = (tally[name] ?? 0) + times;
    }
    if (outcome.violation !== undefined) failures.push({ seed, violation: outcome.violation });
  }
  return { seeds, virtualMs, steps, tally, failures };
}

export function together(a: Findings, b: Findings): Findings {
  const names = new Set([...Object.keys(a.tally), ...Object.keys(b.tally)]);
  const sum = (name: string): number => (a.tally[name] ?? 0) + (b.tally[name] ?? 0);
  return {
    seeds: a.seeds + b.seeds,
    virtualMs: a.virtualMs + b.virtualMs,
    steps: a.steps + b.steps,
    tally: Object.fromEntries([...names].map((name) => [name, sum(name)])),
    failures: [...a.failures, ...b.failures].sort((one, other) => one.seed - other.seed),
  };
}
