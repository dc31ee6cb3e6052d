/**
 * `prunella paper balancer`: runs, draws the charts, writes the report.
 *
 * Progress goes to stderr, what was found to stdout. The report of a full run belongs into
 * `docs/papers`; a smaller one is a trial and goes to `lab/results/papers`, which git ignores.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeMachine, watchMachine } from "../../bench/report.ts";
import { installCharts } from "../../charts/installation.ts";
import { renderChart } from "../../charts/render.ts";
import { PaperOptionError } from "../paper-option-error.ts";
import { chartsOf } from "./charts.ts";
import { claimsOf } from "./claims.ts";
import type { Findings } from "./findings.ts";
import { reportOf } from "./report.ts";
import { type RunOptions, runExperiments } from "./run.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const fullRequests = 10_000;

const help = `prunella paper balancer [options]
  --requests N  requests of each measurement, default ${fullRequests}
  --kills N     kill -9 with each placement, default 10
  --seed N      draws the request ids, default 1
  --out FOLDER  where the report goes; docs/papers, or lab/results/papers with fewer requests
  --json FILE   writes all numbers there; - is stdout
  --quiet       says nothing on the way`;

type CommandOptions = RunOptions & {
  readonly out: string;
  readonly json: string | undefined;
};

/** @returns False when something was found that should not be, such as a lost request. */
export async function run(args: readonly string[], signal: AbortSignal): Promise<boolean> {
  const startedMs = performance.now();
  const isQuiet = args.includes("--quiet");
  const say = (line: string): void => {
    if (isQuiet) return;
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    process.stderr.write(`${String(seconds).padStart(4)} s  ${line}\n`);
  };
  const options = optionsOf(args, { say, signal });
  if (options === undefined) {
    process.stdout.write(`${help}\n`);
    return true;
  }
  await installCharts(say);
  const { requests, kills, seed } = options;
  const at = new Date().toISOString();
  const facts = watchMachine();
  const found = await runExperiments(options);
  const machine = facts();
  const findings: Findings = {
    machine: describeMachine(machine),
    loadPerCore: machine.loadBefore / machine.cores,
    at,
    command: `npx prunella paper balancer --requests ${requests} --kills ${kills} --seed ${seed}`,
    seconds: (performance.now() - startedMs) / 1_000,
    ...found,
  };
  await writeReport(findings, options.out, say);
  return printFindings(findings, options.json);
}

async function writeReport(
  findings: Findings,
  folder: string,
  say: (line: string) => void,
): Promise<void> {
  say("drawing the charts");
  mkdirSync(folder, { recursive: true });
  for (const { file, spec } of chartsOf(findings)) {
    writeFileSync(join(folder, file), await renderChart(spec));
  }
  writeFileSync(join(folder, "balancer.md"), reportOf(findings));
  say(`report: ${relative(process.cwd(), join(folder, "balancer.md"))}`);
}

function printFindings(findings: Findings, json: string | undefined): boolean {
  const claims = claimsOf(findings);
  const text = `${JSON.stringify(findings, undefined, 2)}\n`;
  if (json === "-") process.stdout.write(text);
  else {
    if (json !== undefined) writeFileSync(json, text);
    for (const { holds, text: what, measured } of claims) {
      process.stdout.write(`${holds ? "holds" : "FAILS"}  ${what}: ${measured}\n`);
    }
  }
  return claims.every(({ holds }) => holds);
}

function optionsOf(
  args: readonly string[],
  run: Pick<RunOptions, "say" | "signal">,
): CommandOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      requests: { type: "string", default: `${fullRequests}` },
      kills: { type: "string", default: "10" },
      seed: { type: "string", default: "1" },
      out: { type: "string" },
      json: { type: "string" },
      quiet: { type: "boolean" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const requests = whole("requests", values.requests, 100, 1_000_000);
  const place = requests < fullRequests ? "lab/results/papers" : "docs/papers";
  return {
    ...run,
    requests,
    kills: whole("kills", values.kills, 1, 50),
    seed: whole("seed", values.seed, 0, 2 ** 32 - 1),
    out: values.out === undefined ? join(root, place) : resolve(values.out),
    json: values.json,
  };
}

function whole(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new PaperOptionError(
    `--${option} is "${text}". Give a whole number from ${min} to ${max}.`,
  );
}
