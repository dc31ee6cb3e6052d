/** Everything that one run found; the JSON file, the report and the charts are made of it. */
import type { FailoverRun } from "./failover.ts";
import type { UserRow } from "./user-load.ts";

export type Findings = {
  /** A line that says processor, cores, kernel, Node, and how busy all of it was. */
  readonly machine: string;
  /** Running tasks per core when the run began, which are not its own; above 0.5 times suffer. */
  readonly loadPerCore: number;
  /** When it began, ISO 8601. */
  readonly at: string;
  /** The command that repeats the run. */
  readonly command: string;
  readonly seconds: number;
  readonly seed: number;
  readonly killed: FailoverRun;
  readonly frozen: FailoverRun;
  /** In the order of `userCounts`. */
  readonly users: readonly UserRow[];
};
