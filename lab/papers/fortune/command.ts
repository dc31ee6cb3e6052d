/**
 * `prunella paper fortune`: fails leaders, loads the service, draws the charts, writes the report.
 *
 * Progress goes to stderr, what was found to stdout. The report of a full run belongs into
 * `docs/papers`; a smaller one is a trial and goes to `lab/results/papers`, which git ignores.
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeMachine, watchMachine } from "../../bench/report.ts";
import { installCharts } from "../../charts/installation.ts";
import { wholeNumber } from "../paper-options.ts";
import { printFindings, progress, writePaper } from "../paper-output.ts";
import { chartsOf } from "./charts.ts";
import { claimsOf } from "./claims.ts";
import type { Findings } from "./findings.ts";
import { reportOf } from "./report.ts";
import { type RunOptions, runExperiments } from "./run.ts";
import { sourceFailover } from "./source.ts";
import { usersTop } from "./user-load.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const fullKills = sourceFailover.kills;
const killsMax = 1_000;

const help = `prunella paper fortune [options]
  --kills N      how often the leader is killed, and how often it is frozen, default ${fullKills}
  --users-max N  largest row of the load table, default ${usersTop}
  --seed N       draws the pauses between failures, default 1
  --out FOLDER   where the report goes; docs/papers, or lab/results/papers for a smaller run
  --json FILE    writes all numbers there; - is stdout
  --quiet        says nothing on the way`;

type CommandOptions = RunOptions & {
  readonly out: string;
  readonly json: string | undefined;
};

/** @returns False when something was found that should not be, such as an answer of an old leader. */
export async function run(args: readonly string[], signal: AbortSignal): Promise<boolean> {
  const startedMs = performance.now();
  const say = progress(args.includes("--quiet"));
  const options = optionsOf(args, { say, signal });
  if (options === undefined) {
    process.stdout.write(`${help}\n`);
    return true;
  }
  await installCharts(say);
  const { kills, usersMax, seed } = options;
  const at = new Date().toISOString();
  const facts = watchMachine();
  const found = await runExperiments(options);
  const machine = facts();
  const findings: Findings = {
    machine: describeMachine(machine),
    loadPerCore: machine.loadBefore / machine.cores,
    at,
    command: `npx prunella paper fortune --kills ${kills} --users-max ${usersMax} --seed ${seed}`,
    seconds: (performance.now() - startedMs) / 1_000,
    ...found,
  };
  const paper = { name: "fortune", text: reportOf(findings), charts: chartsOf(findings) };
  await writePaper(paper, options.out, say);
  return printFindings(findings, claimsOf(findings), options.json);
}

function optionsOf(
  args: readonly string[],
  run: Pick<RunOptions, "say" | "signal">,
): CommandOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: "string", default: `${fullKills}` },
      "users-max": { type: "string", default: `${usersTop}` },
      seed: { type: "string", default: "1" },
      out: { type: "string" },
      json: { type: "string" },
      quiet: { type: "boolean" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const kills = wholeNumber("kills", values.kills, 1, killsMax);
  const usersMax = wholeNumber("users-max", values["users-max"], 1, usersTop);
  const isFull = kills >= fullKills && usersMax === usersTop;
  const place = isFull ? "docs/papers" : "lab/results/papers";
  return {
    ...run,
    kills,
    usersMax,
    seed: wholeNumber("seed", values.seed, 0, 2 ** 32 - 1),
    out: values.out === undefined ? join(root, place) : resolve(values.out),
    json: values.json,
  };
}
