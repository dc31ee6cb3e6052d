/**
 * `npm run bench -- gateway`: what a request costs our gateway, beside nginx, HAProxy and Node proxies.
 *
 * All run side by side through one backend and take turns in a new order each round. What counts is
 * requests per second of the proxy's own processor time, as a ratio to nginx in the same round: so
 * neither a slow generator nor another day nor another machine can flatter or hurt anybody.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ClusterError } from "@prunella/core/kernel";
import { type BenchCase, benchCases, mainCase } from "./gateway/case-table.ts";
import { describeCores, planCores } from "./gateway/core-plan.ts";
import { GatewayBench, type RunResult } from "./gateway/gateway-bench.ts";
import { chartSpecification } from "./gateway/ratio-chart.ts";
import { recordChart, recordedPage, recordPage } from "./gateway/record.ts";
import {
  caseTable,
  explanation,
  goalLines,
  idleTable,
  ratioTable,
  ratioText,
} from "./gateway/result-tables.ts";
import { ServerRoom } from "./gateway/server-process.ts";
import {
  allSubjects,
  chartsAreInstalled,
  installAdvice,
  missingProgram,
  ours,
  oursFrom,
  oursPipelining,
  oursTwice,
  reference,
  type Subject,
  wrkVersion,
} from "./gateway/subject-table.ts";
import { fallsSince, type Row, summarize, tolerance } from "./gateway/summary.ts";
import { costlyBelow, costlyRows, goalsOf } from "./gateway/verdict.ts";
import { describeMachine, type MachineFacts, watchMachine, writeJson } from "./report.ts";

const names = allSubjects().map(({ name }) => name);
const help = `npm run bench -- gateway [options]
  --rounds N        rounds per case, default 5
  --seconds N       of one measurement, default 4; at least 2, because the kernel counts in 10 ms
  --short           all cases within 12 minutes: 2 seconds each, no waiting, and only ours and nginx
                    outside of ${mainCase}
  --cases A,B       ${benchCases.map(({ name }) => name).join(" ")}
  --peers A,B       ${names.filter((name) => name !== ours).join(" ")}
  --patience N      seconds that a measurement may wait for a quiet machine, default 10, with --short
                    0, which never waits and never repeats
  --against DIR,DIR other checkouts of this repository, each with its own node_modules, measured
                    beside this one under the names of their folders
  --flags="..."     ours once more with these options for Node, as in --flags="--max-semi-space-size=32"
  --json FILE       writes all numbers there
  --svg FILE        draws the ratios there
  --record          writes docs/benchmarks/gateway.md and its chart
  --compare FILE    an earlier --json: exit code 1 when a ratio of ours fell by more than ${100 * tolerance} %`;

const optionTypes = {
  rounds: { type: "string", default: "5" },
  seconds: { type: "string" },
  short: { type: "boolean", default: false },
  cases: { type: "string" },
  peers: { type: "string" },
  patience: { type: "string" },
  against: { type: "string" },
  flags: { type: "string" },
  json: { type: "string" },
  svg: { type: "string" },
  record: { type: "boolean", default: false },
  compare: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: optionTypes });
  if (values.help) return console.log(help);
  const rounds = countOf("rounds", values.rounds, 1, 100);
  const isShort = values.short;
  const seconds = countOf("seconds", values.seconds ?? (isShort ? "2" : "4"), 1, 60);
  const patience = countOf("patience", values.patience ?? (isShort ? "0" : "10"), 0, 600);
  const cases = casesOf(values.cases);
  const before = values.compare === undefined ? undefined : readRows(values.compare);
  requirePrograms();
  const draws = values.record || values.svg !== undefined;
  if (draws && !chartsAreInstalled()) throw invalid(`A chart: ${installAdvice}`);
  const subjects = [...extraSubjects(values), ...subjectsOf(values.peers)];

  const coreCount = availableParallelism();
  const plan = planCores(coreCount);
  console.log(`${describeCores(plan)}\n${versions(subjects)}`);

  const facts = watchMachine();
  await using room = new ServerRoom();
  const scriptFile = join(room.folder, "load.lua");
  const settings = { plan, seconds, scriptFile, patienceMs: 1_000 * patience, isShort };
  const bench = new GatewayBench(room, settings, subjects, rounds);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      bench.stop();
      process.once(signal, () => process.exit(130)); // The room cleans up when the process exits.
    });
  }
  const result = await bench.run(cases);
  const machine = facts();
  const sharesCore = plan.generator === plan.backend;
  const rows = summarize(result.measurements, reference, sharesCore);
  const report = [
    ...resultText(cases, rows, result, machine),
    ...goalText(rows, coreCount, subjects),
  ].join("\n\n");
  console.log(`\n${report}`);
  compare(rows, before);
  const data = {
    machine,
    versions: versionTable(subjects),
    rounds,
    seconds,
    plan,
    rows,
    ...result,
  };
  if (values.json !== undefined) writeJson(values.json, data);
  if (values.svg !== undefined) await draw(values.svg, rows, machine);
  if (!values.record) return;
  const command = `npm run bench -- gateway ${args.join(" ")}`;
  writeFileSync(recordPage, recordedPage(report, command, versions(subjects)));
  await draw(recordChart, rows, machine);
}

function resultText(
  cases: readonly BenchCase[],
  rows: readonly Row[],
  { idle, problems }: RunResult,
  machine: MachineFacts,
): readonly string[] {
  const tables = cases.map((benchCase) =>
    benchCase.load.kind === "idle" ? idleTable(benchCase, idle) : caseTable(benchCase, rows),
  );
  const clean = rows.reduce((sum, { cleanRounds }) => sum + cleanRounds, 0);
  const all = rows.reduce((sum, row) => sum + row.rounds, 0);
  return [
    ...tables,
    explanation,
    ratioTable(rows),
    `${clean} of ${all} measurements clean. ${describeMachine(machine)}`,
    ...problems.map((problem) => `PROBLEM  ${problem}`),
  ];
}

/** Aims and costly cells; a missed aim decides about the exit code. */
function goalText(
  rows: readonly Row[],
  coreCount: number,
  subjects: readonly Subject[],
): readonly string[] {
  const glue = "undici-glue";
  const packages = subjects
    .filter(({ family, name }) => family === "node" && name !== glue)
    .map(({ name }) => name);
  const names = { ours, oursTwice, oursPipelining, reference, packages, glue };
  const goals = goalsOf(rows, names, coreCount);
  if (goals.some(({ verdict }) => verdict === "missed")) process.exitCode = 1;
  const costly = costlyRows(rows, ours).map((row) => `${row.case} ${ratioText(row)}`);
  const below = `Below ${costlyBelow} x nginx: ${costly.join(", ")}`;
  return [goalLines(goals), ...(costly.length > 0 ? [below] : [])];
}

function compare(rows: readonly Row[], before: readonly Row[] | undefined): void {
  const falls = fallsSince(before ?? [], rows, ours);
  for (const fall of falls) {
    console.log(
      `FELL     ${fall.case}: ${fall.before.toFixed(2)} -> ${fall.now.toFixed(2)} x nginx`,
    );
  }
  if (falls.length > 0) process.exitCode = 1;
}

async function draw(file: string, rows: readonly Row[], machine: MachineFacts): Promise<void> {
  const clean = rows.reduce((sum, { cleanRounds }) => sum + cleanRounds, 0);
  const all = rows.reduce((sum, row) => sum + row.rounds, 0);
  const subtitle = [
    `median of clean rounds, line from the smallest to the largest; pale: no clean round; ${clean} of ${all} measurements clean`,
    `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}`,
  ];
  const { drawSvg } = await import("./peers/vega-chart.ts");
  const doubles = new Set(benchCases.filter((each) => each.doubles).map(({ name }) => name));
  const drawn = rows.filter((row) => !doubles.has(row.case)); // Two workers are no ratio to one nginx.
  writeFileSync(file, await drawSvg(chartSpecification(drawn, ours, subtitle)));
}

function casesOf(text: string | undefined): readonly BenchCase[] {
  if (text === undefined) return benchCases;
  const wanted = text.split(",");
  for (const name of wanted) {
    if (benchCases.some((each) => each.name === name)) continue;
    throw invalid(
      `There is no case "${name}". Cases: ${benchCases.map((each) => each.name).join(" ")}.`,
    );
  }
  return benchCases.filter(({ name }) => wanted.includes(name));
}

/** Ours and the named peers. Without names: all that are installed, and a line on the others. */
function subjectsOf(text: string | undefined): readonly Subject[] {
  const all = allSubjects();
  const wanted = text === undefined ? undefined : [ours, ...text.split(",").filter((name) => name)];
  for (const name of wanted ?? []) {
    const subject = all.find((each) => each.name === name);
    if (subject === undefined)
      throw invalid(`There is no peer "${name}". Peers: ${names.join(" ")}.`);
    if (subject.missing !== undefined) throw invalid(`${subject.missing}. ${installAdvice}`);
  }
  const chosen = all.filter(({ name }) => wanted?.includes(name) ?? true);
  for (const { name, missing } of chosen) {
    if (missing !== undefined) console.error(`Left out: ${name}, ${missing}. ${installAdvice}`);
  }
  return chosen.filter(({ missing }) => missing === undefined);
}

function extraSubjects(values: { against?: string; flags?: string }): readonly Subject[] {
  const folders = values.against?.split(",") ?? [];
  const against = folders.map((folder) =>
    oursFrom(basename(resolve(folder)), { checkout: folder }),
  );
  const flagged =
    values.flags === undefined ? [] : [oursFrom("with-flags", { flags: values.flags })];
  for (const { missing } of against)
    if (missing !== undefined) throw invalid(`--against: ${missing}`);
  return [...against, ...flagged];
}

/** Backend and generator are Debian's too, so without these two nothing can be measured. */
function requirePrograms(): void {
  const missing = ["nginx", "wrk", "taskset"]
    .map(missingProgram)
    .filter((problem) => problem !== undefined);
  if (missing.length > 0) throw invalid(`${missing.join(", ")}. ${installAdvice}`);
}

function versionTable(subjects: readonly Subject[]): Readonly<Record<string, string>> {
  const entries = subjects.map(({ name, version }) => [name, version] as const);
  return Object.fromEntries([...entries, ["wrk", wrkVersion()]]);
}

function versions(subjects: readonly Subject[]): string {
  return Object.entries(versionTable(subjects))
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}

function readRows(file: string): readonly Row[] {
  try {
    const { rows }: { rows: readonly Row[] } = JSON.parse(readFileSync(file, "utf8"));
    if (rows.some(({ case: name }) => name === mainCase || name !== "")) return rows;
  } catch (error) {
    throw invalid(`--compare ${file}: ${error instanceof Error ? error.message : error}.`);
  }
  throw invalid(`--compare ${file} holds no rows. Write one with --json.`);
}

function countOf(option: string, text: string, least: number, most: number): number {
  const count = Number(text);
  if (text !== "" && Number.isInteger(count) && count >= least && count <= most) return count;
  throw invalid(`--${option} is "${text}". Use an integer from ${least} to ${most}.`);
}

function invalid(message: string): ClusterError {
  return new ClusterError("CONFIG_INVALID", { message });
}
