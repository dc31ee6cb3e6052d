/** Everything that one run found; the JSON file, the report and the charts are made of it. */
import type { RunFacts } from "../run-paper.ts";
import type { ComputedPlacement } from "./computation.ts";
import type { EndpointResult } from "./endpoints.ts";
import type { FailureRun } from "./failure.ts";
import type { SpreadRun } from "./spread.ts";

/** What the two are called in charts. */
export const givenName = "given functions";
export const defaultName = "default placement";

/** The given functions and the default placement, side by side. */
export type Pair<Of> = { readonly given: Of; readonly standard: Of };

export type Findings = RunFacts & Found;

export type Found = {
  readonly requests: number;
  readonly seed: number;
  readonly spread: Pair<SpreadRun>;
  readonly endpoints: readonly EndpointResult[];
  readonly failures: Pair<FailureRun>;
  /** Start of the server alone, in milliseconds, one number per try. */
  readonly startsMs: readonly number[];
  /** In the order of `comparedPlacements`. */
  readonly computed: readonly ComputedPlacement[];
};
