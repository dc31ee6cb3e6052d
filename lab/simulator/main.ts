/**
 * `npm run simulate -- HARNESS [options]`: searches seeds, plays one again, or tries the mutants.
 * Exit code 6 when a promise was broken, or a mutant was not caught.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, styleText } from "node:util";
import { runCampaign } from "./campaign.ts";
import { drawTrace } from "./drawing.ts";
import { reportFailure } from "./failure-report.ts";
import { harnesses, harnessOf } from "./harnesses.ts";
import { runGate } from "./mutation-gate.ts";
import type { Harness, Plan } from "./plan.ts";
import { type Findings, noFindings } from "./search.ts";
import { Recorder, traceText } from "./trace.ts";

const promiseBroken = 6;
const usage = `Usage: npm run simulate -- HARNESS [options]

  --seeds N        how many seeds (1000)         --from N      the first of them (1)
  --seed N         one seed, with its trace      --replay FILE a trace that was saved
  --trace FILE     draw that run (SVG)           --rows N      how many rows to draw or print (400)
  --mutants        break each rule, demand that it is noticed
  --mutant NAME    search with this rule broken  --choose A=B  fix what seeds would draw (repeat)
  --study NAME     a measurement of the harness  --threads N   (2)
  --json           one JSON document on stdout

Harnesses:
${harnesses.map(({ name, says }) => `  ${name.padEnd(16)} ${says}`).join("\n")}
`;

type Values = ReturnType<typeof parsed>["values"];

await main();

async function main(): Promise<void> {
  const { values, positionals } = attempt(parsed);
  const replay = values.replay === undefined ? undefined : readPlan(values.replay);
  const harness = harnessOf(replay?.harness ?? positionals[0]);
  if (values.help === true) return void process.stdout.write(usage);
  if (harness === undefined) return refuse(usage);
  if (replay !== undefined) return playOne(harness, replay, values);
  if (values.seed !== undefined) {
    const seed = number(values.seed, "--seed");
    const plan = harness.draw({ seed, mutant: values.mutant, choices: choices(harness, values) });
    return playOne(harness, plan, values);
  }
  if (values.mutants === true) return tryMutants(harness, values);
  if (values.study !== undefined) return study(harness, values.study, values);
  return search(harness, values);
}

function parsed() {
  return parseArgs({
    allowPositionals: true,
    options: {
      seeds: { type: "string", default: "1000" },
      from: { type: "string", default: "1" },
      seed: { type: "string" },
      replay: { type: "string" },
      trace: { type: "string" },
      rows: { type: "string", default: "400" },
      mutants: { type: "boolean" },
      mutant: { type: "string" },
      choose: { type: "string", multiple: true, default: [] },
      study: { type: "string" },
      failures: { type: "string", default: "10" },
      threads: { type: "string", default: "2" },
      json: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
}

async function search(harness: Harness, values: Values): Promise<void> {
  const count = number(values.seeds, "--seeds");
  const startedMs = performance.now();
  const findings = await runCampaign({
    harness: harness.name,
    from: number(values.from, "--from"),
    count,
    mutant: values.mutant,
    choices: choices(harness, values),
    failuresMost: number(values.failures, "--failures"),
    threads: number(values.threads, "--threads"),
    progress: progressLine((soFar) => `${soFar.seeds} of ${count} seeds, ${failed(soFar)}`),
  });
  const tookMs = performance.now() - startedMs;
  if (values.json === true) print({ harness: harness.name, tookMs, ...findings });
  else process.stdout.write(findingsText(findings, tookMs));
  const [first] = findings.failures;
  if (first === undefined) return;
  process.exitCode = promiseBroken;
  const plan = harness.draw({
    seed: first.seed,
    mutant: values.mutant,
    choices: choices(harness, values),
  });
  explain(harness, plan, values);
}

/** Prints a failing run as small as it gets, and keeps it where it can be played again. */
function explain(harness: Harness, plan: Plan, values: Values): void {
  const report = reportFailure(harness, plan);
  if (report === undefined) return;
  const folder = join(tmpdir(), "prunella-simulate");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${harness.name}-${plan.mutant ?? "true"}-${plan.seed}.json`);
  writeFileSync(path, `${JSON.stringify(report.plan, undefined, 2)}\n`);
  const out = values.json === true ? process.stderr : process.stdout;
  out.write(`\n${report.text}\n\nPlay it again: npm run simulate -- --replay ${path}`);
  out.write(" --trace failure.svg\n");
}

function playOne(harness: Harness, plan: Plan, values: Values): void {
  const recorder = new Recorder();
  const outcome = harness.run(plan, { recorder });
  const { violation } = outcome;
  const rowsMost = number(values.rows, "--rows");
  const verdict = violation === undefined ? "no promise broken" : words(violation);
  if (values.trace !== undefined) {
    const title = `${harness.name}, seed ${plan.seed}: ${verdict}`;
    const { quietKinds } = harness;
    const { nodes } = plan;
    writeFileSync(values.trace, drawTrace(recorder.rows, { title, nodes, rowsMost, quietKinds }));
  }
  if (values.json === true) print({ plan, violation, tally: outcome.tally, rows: recorder.rows });
  else process.stdout.write(`${traceText(recorder.rows, rowsMost)}\n\n${verdict}\n`);
  if (violation === undefined) return;
  process.exitCode = promiseBroken;
  if (plan.misfortunes === undefined) explain(harness, plan, values);
}

async function tryMutants(harness: Harness, values: Values): Promise<void> {
  const verdicts = await runGate(harness, {
    from: number(values.from, "--from"),
    threads: number(values.threads, "--threads"),
    told: ({ mutant, caught, seeds }) => {
      if (values.json === true) return;
      const how =
        caught === undefined ? "NOT CAUGHT" : `seed ${caught.seed}: ${caught.violation.promise}`;
      process.stdout.write(
        `${mutant.name.padEnd(20)} ${how.padEnd(22)} ${seeds} of ${mutant.budget} seeds  ${mutant.says}\n`,
      );
    },
  });
  if (values.json === true) print(verdicts);
  if (verdicts.some(({ caught }) => caught === undefined)) process.exitCode = promiseBroken;
}

async function study(harness: Harness, name: string, values: Values): Promise<void> {
  const chosen = harness.studies.find((one) => one.name === name);
  if (chosen === undefined) {
    const names = harness.studies.map((one) => `  ${one.name.padEnd(16)} ${one.says}`).join("\n");
    return refuse(`There is no study "${name}" of ${harness.name}.\n${names}\n`);
  }
  const table = chosen.run((line) => void process.stderr.write(`${line}\n`));
  if (values.json === true) print(table);
  else process.stdout.write(`${table.text}\n`);
  if (!table.holds) process.exitCode = promiseBroken;
}

function findingsText(findings: Findings, tookMs: number): string {
  const { seeds, virtualMs, steps, tally } = findings;
  const speed = Math.round(virtualMs / tookMs);
  const counts = Object.entries(tally).map(([name, times]) => `${name} ${times}`);
  return (
    `${seeds} seeds, ${failed(findings)}, ${(tookMs / 1000).toFixed(1)} s, ` +
    `${speed} times real time, ${steps} steps\n${counts.join("  ")}\n`
  );
}

function failed({ failures }: Findings): string {
  return failures.length === 0 ? "0 promises broken" : `${failures.length} BROKEN`;
}

function words(violation: { readonly promise: string; readonly sentence: string }): string {
  return `${violation.promise} broken: ${violation.sentence}`;
}

/** One line that is written over, at most four times a second, and only for people. */
function progressLine(words: (soFar: Findings) => string): (soFar: Findings) => void {
  let lastMs = performance.now();
  let latest = noFindings;
  return (soFar) => {
    latest = soFar.seeds > latest.seeds ? soFar : latest;
    if (!process.stderr.isTTY || performance.now() - lastMs < 250) return;
    lastMs = performance.now();
    process.stderr.write(`\r${styleText("dim", words(latest))}\u001b[K\r`);
  };
}

/** A mutant knows where to look for it; what is said on the command line comes first. */
function choices(harness: Harness, { choose, mutant }: Values): Readonly<Record<string, string>> {
  const chosen = choose.map((choice) => {
    const [name = "", value = ""] = choice.split("=", 2);
    return [name, value];
  });
  const usual = harness.mutants.find(({ name }) => name === mutant)?.choices ?? {};
  return { ...usual, ...Object.fromEntries(chosen) };
}

function readPlan(path: string): Plan {
  return JSON.parse(readFileSync(path, "utf8"));
}

function number(text: string, option: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) fail(`${option} ${text} is not a whole number.`);
  return value;
}

function attempt<Result>(what: () => Result): Result {
  try {
    return what();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return fail(error.message);
  }
}

function print(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
}

function refuse(text: string): void {
  process.stderr.write(text);
  process.exitCode = 2;
}

function fail(text: string): never {
  process.stderr.write(`${text}\n${usage}`);
  process.exit(2);
}
