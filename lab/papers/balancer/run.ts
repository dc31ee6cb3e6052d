/** All experiments, one after another: they share the machine, and nothing may disturb a time. */
import type { RunContext } from "../run-paper.ts";
import { computePlacement } from "./computation.ts";
import { exerciseEndpoints } from "./endpoints.ts";
import { measureFailures } from "./failure.ts";
import type { Found } from "./findings.ts";
import { comparedPlacements, defaultPlacement, givenFunctions } from "./placements.ts";
import { measureSpread } from "./spread.ts";
import { measureStarts } from "./start-floor.ts";

export type RunOptions = RunContext & {
  /** Requests of each measurement of. */
  readonly requests: number;
  /** How often A-3 kills, with each placement. */
  readonly kills: number;
  readonly seed: number;
};

const killRatePerSecond = 500;
const startCount = 5;

export async function runExperiments(options: RunOptions): Promise<Found> {
  const { requests, seed, say, signal } = options;
  const spread = {
    given: await measureSpread(givenFunctions, options),
    standard: await measureSpread(defaultPlacement, options),
  };
  const endpoints = await exerciseEndpoints(say);
  const underLoad = { ...options, perSecond: killRatePerSecond };
  const given = await measureFailures(givenFunctions, underLoad);
  const startsMs = await measureStarts(startCount, signal);
  const standard = await measureFailures(defaultPlacement, underLoad);
  say("A-4: computing the other functions");
  return {
    requests,
    seed,
    spread,
    endpoints,
    failures: { given, standard },
    startsMs,
    computed: comparedPlacements.map((placement) => computePlacement(placement, options)),
  };
}
