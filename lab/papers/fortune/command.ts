/** `prunella paper fortune`: fails leaders, loads the service, draws the charts, writes the report. */
import { runPaper, seedOption } from "../run-paper.ts";
import { chartsOf } from "./charts.ts";
import { claimsOf } from "./claims.ts";
import { reportOf } from "./report.ts";
import { runExperiments } from "./run.ts";
import { sourceFailover } from "./source.ts";
import { usersTop } from "./user-load.ts";

const fullKills = sourceFailover.kills;

const help = `prunella paper fortune [options]
  --kills N      how often the leader is killed, and how often it is frozen, default ${fullKills}
  --users-max N  largest row of the load table, default ${usersTop}
  --seed N       draws the pauses between failures, default 1
  --out FOLDER   where the report goes; docs/papers, or lab/results/papers for a smaller run
  --json FILE    writes all numbers there; - is stdout
  --quiet        says nothing on the way`;

/** @returns False when something was found that should not be, such as an answer of an old leader. */
export function run(args: readonly string[], signal: AbortSignal): Promise<boolean> {
  return runPaper(
    {
      name: "fortune",
      help,
      options: {
        kills: { standard: fullKills, min: 1, max: 1_000 },
        usersMax: { standard: usersTop, min: 1, max: usersTop },
        seed: seedOption,
      },
      isFull: ({ kills, usersMax }) => kills >= fullKills && usersMax === usersTop,
      experiments: runExperiments,
      report: reportOf,
      charts: chartsOf,
      claims: claimsOf,
    },
    args,
    signal,
  );
}
