/** `prunella paper balancer`: runs, draws the charts, writes the report. */
import { runPaper, seedOption } from "../run-paper.ts";
import { chartsOf } from "./charts.ts";
import { claimsOf } from "./claims.ts";
import { reportOf } from "./report.ts";
import { runExperiments } from "./run.ts";

const fullRequests = 10_000;

const help = `prunella paper balancer [options]
  --requests N  requests of each measurement, default ${fullRequests}
  --kills N     kill -9 with each placement, default 10
  --seed N      draws the request ids, default 1
  --out FOLDER  where the report goes; docs/papers, or lab/results/papers with fewer requests
  --json FILE   writes all numbers there; - is stdout
  --quiet       says nothing on the way`;

/** @returns False when something was found that should not be, such as a lost request. */
export function run(args: readonly string[], signal: AbortSignal): Promise<boolean> {
  return runPaper(
    {
      name: "balancer",
      help,
      options: {
        requests: { standard: fullRequests, min: 100, max: 1_000_000 },
        kills: { standard: 10, min: 1, max: 50 },
        seed: seedOption,
      },
      isFull: ({ requests }) => requests >= fullRequests,
      experiments: runExperiments,
      report: reportOf,
      charts: chartsOf,
      claims: claimsOf,
    },
    args,
    signal,
  );
}
