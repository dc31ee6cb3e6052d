/** What a shell can offer without asking anybody, read from the table of commands. */

import { globalOptions, globalOptionsFor } from "../global-options.ts";
import type { Completes, Verb, VerbOption } from "../verb.ts";
import { electWords, papers, shells, verbs } from "../verbs.ts";

export type VerbWords = {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly FlagWords[];
  /** Kind of each argument in order; the last one repeats when `repeats`. */
  readonly arguments: readonly (Completes | undefined)[];
  readonly repeats: boolean;
};

export type FlagWords = {
  /** `-f` and `--file`, or only the long one. */
  readonly spellings: readonly string[];
  readonly summary: string;
  readonly takesValue: boolean;
  readonly completes: Completes | undefined;
};

export function verbWords(): readonly VerbWords[] {
  return verbs.map(wordsOf);
}

/** Flags before the command. */
export function globalFlags(): readonly FlagWords[] {
  const own = [
    { flags: "-V, --version", summary: "print the version" },
    { flags: "-h, --help", summary: "explain all of it" },
  ];
  return [...globalOptions, ...own].map(flagWords);
}

/** Words that never change, for the kinds that have such. */
export const fixedWords: Partial<Record<Completes, readonly string[]>> = {
  shell: shells,
  paper: papers,
  election: electWords,
  format: ["ts", "yaml"],
};

/** Kinds that only a running cluster can tell. */
export function isLive(kind: Completes | undefined): kind is "instance" | "service" | "name" {
  return kind === "instance" || kind === "service" || kind === "name";
}

function wordsOf(verb: Verb): VerbWords {
  const help: VerbOption = { flags: "-h, --help", summary: "help for this command" };
  return {
    name: verb.name,
    summary: verb.summary,
    flags: [...verb.options, ...globalOptionsFor(verb), help].map(flagWords),
    arguments: verb.arguments.map((argument) => argument.completes),
    repeats: verb.arguments.at(-1)?.term.includes("...") === true,
  };
}

function flagWords({ flags, summary, completes }: VerbOption): FlagWords {
  const words = flags.split(/[ ,]+/);
  return {
    spellings: words.filter((word) => word.startsWith("-")),
    summary,
    takesValue: flags.includes("<"),
    completes,
  };
}
