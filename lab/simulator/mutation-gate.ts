/**
 * Proves that a harness notices what it is there for: each mutant breaks one rule, and has to be
 * caught within its budget of seeds. A gate that lets one through watches too little.
 */
import { runCampaign } from "./campaign.ts";
import type { Harness, Mutant } from "./plan.ts";
import type { Failure } from "./search.ts";

export type Verdict = {
  readonly mutant: Mutant;
  /** The failure that caught it; `undefined` when it got through. */
  readonly caught: Failure | undefined;
  readonly seeds: number;
};

export async function runGate(
  harness: Harness,
  options: {
    readonly from: number;
    readonly threads: number;
    readonly told?: (verdict: Verdict) => void;
  },
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const mutant of harness.mutants) {
    const { failures, seeds } = await runCampaign({
      harness: harness.name,
      mutant: mutant.name,
      from: options.from,
      count: mutant.budget,
      choices: mutant.choices,
      failuresMost: 1,
      threads: options.threads,
    });
    const verdict = { mutant, caught: failures[0], seeds };
    verdicts.push(verdict);
    options.told?.(verdict);
  }
  return verdicts;
}
