/** Everything that one run found; the JSON file, the report and the charts are made of it. */
import type { RunFacts } from "../run-paper.ts";
import type { FailoverRun } from "./failover.ts";
import type { UserRow } from "./user-load.ts";

export type Findings = RunFacts & Found;

export type Found = {
  readonly seed: number;
  readonly killed: FailoverRun;
  readonly frozen: FailoverRun;
  /** In the order of `userCounts`. */
  readonly users: readonly UserRow[];
};
