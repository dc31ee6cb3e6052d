/**
 * One run of a paper from its command line to its report, which is the same for every paper: read the
 * options, run the experiments, describe the machine, draw, write, and say which claims hold.
 *
 * Progress goes to stderr, what was found to stdout. The report of a full run belongs into
 * `docs/papers`; a smaller one is a trial and goes to `lab/results/papers`, which git ignores.
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeMachine, watchMachine } from "../bench/report.ts";
import type { Claim } from "../chaos/proof.ts";
import { installCharts } from "../charts/installation.ts";
import { wholeNumber } from "./paper-options.ts";
import { type NamedChart, printFindings, progress, type Say, writePaper } from "./paper-output.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A whole number that the command line may give; `usersMax` is `--users-max` there. */
export type NumberOption = {
  readonly standard: number;
  readonly min: number;
  readonly max: number;
};

export const seedOption: NumberOption = { standard: 1, min: 0, max: 2 ** 32 - 1 };

/** What every experiment is given beside its numbers. */
export type RunContext = { readonly say: Say; readonly signal: AbortSignal };

/** What every report tells of its run. */
export type RunFacts = {
  /** A line that says processor, cores, kernel, Node, and how busy all of it was. */
  readonly machine: string;
  /** Running tasks per core when the run began, which are not its own; above 0.5 times suffer. */
  readonly loadPerCore: number;
  /** When it began, ISO 8601. */
  readonly at: string;
  /** The command that repeats the run. */
  readonly command: string;
  readonly seconds: number;
};

export type Paper<Name extends string, Found> = {
  readonly name: string;
  readonly help: string;
  /** In the order in which the command of the report repeats them. */
  readonly options: Readonly<Record<Name, NumberOption>>;
  /** False for a trial. */
  readonly isFull: (numbers: Readonly<Record<Name, number>>) => boolean;
  readonly experiments: (options: Readonly<Record<Name, number>> & RunContext) => Promise<Found>;
  readonly report: (findings: RunFacts & Found) => string;
  readonly charts: (findings: RunFacts & Found) => readonly NamedChart[];
  readonly claims: (findings: RunFacts & Found) => readonly Claim[];
};

/**
 * @returns False when something was found that should not be, such as a lost request.
 * @throws PaperOptionError or an error of `parseArgs` for options that cannot be used.
 */
export async function runPaper<Name extends string, Found>(
  paper: Paper<Name, Found>,
  args: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const startedMs = performance.now();
  const words = readWords(paper, args);
  if (words.help) {
    process.stdout.write(`${paper.help}\n`);
    return true;
  }
  const { numbers } = words;
  const say = progress(words.quiet);
  await installCharts(say);
  const at = new Date().toISOString();
  const facts = watchMachine();
  const found = await paper.experiments({ ...numbers, say, signal });
  const machine = facts();
  const findings = {
    machine: describeMachine(machine),
    loadPerCore: machine.loadBefore / machine.cores,
    at,
    command: commandOf(paper.name, numbers),
    seconds: (performance.now() - startedMs) / 1_000,
    ...found,
  };
  const place = join(root, paper.isFull(numbers) ? "docs/papers" : "lab/results/papers");
  const folder = words.out === undefined ? place : resolve(words.out);
  const { name } = paper;
  await writePaper(
    { name, text: paper.report(findings), charts: paper.charts(findings) },
    folder,
    say,
  );
  return printFindings(findings, paper.claims(findings), words.json);
}

type Words<Name extends string> = {
  readonly help: boolean;
  readonly quiet: boolean;
  readonly out: string | undefined;
  readonly json: string | undefined;
  readonly numbers: Readonly<Record<Name, number>>;
};

function readWords<Name extends string>(
  { options }: Pick<Paper<Name, unknown>, "options">,
  args: readonly string[],
): Words<Name> {
  const own = Object.entries<NumberOption>(options);
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries(own.map(([name]) => [optionOf(name), { type: "string" } as const])),
      out: { type: "string" },
      json: { type: "string" },
      quiet: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const given: Readonly<Record<string, unknown>> = values;
  const numbers = own.map(([name, { standard, min, max }]) => {
    const text = given[optionOf(name)] ?? `${standard}`;
    return [
      name,
      values.help ? standard : wholeNumber(optionOf(name), `${text}`, min, max),
    ] as const;
  });
  const { help, quiet, out, json } = values;
  return { help, quiet, out, json, numbers: Object.fromEntries(numbers) as Record<Name, number> };
}

function commandOf(paper: string, numbers: Readonly<Record<string, number>>): string {
  const words = Object.entries(numbers).map(([name, value]) => `--${optionOf(name)} ${value}`);
  return ["npx prunella paper", paper, ...words].join(" ");
}

function optionOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
