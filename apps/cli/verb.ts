/** The shape of one command, for the table in `verbs.ts`. */
import { InvalidArgumentError } from "commander";
import type { ExitCode } from "./exit-code.ts";
import type { Invocation } from "./invocation.ts";

/** What the shell offers at this place. `name` is an instance or a service. */
export type Completes =
  | "instance"
  | "service"
  | "name"
  | "file"
  | "folder"
  | "shell"
  | "format"
  | "paper"
  | "election";

export type VerbArgument = {
  /** `<required>`, `[optional]`, `[many...]`. */
  readonly term: string;
  readonly summary: string;
  readonly completes?: Completes;
};

export type VerbOption = {
  readonly flags: string;
  readonly summary: string;
  readonly parse?: (text: string) => unknown;
  readonly completes?: Completes;
};

export type Action = (
  call: Invocation,
  words: readonly string[],
  options: Options,
) => Promise<ExitCode>;

export type Verb = {
  readonly name: string;
  readonly group: VerbGroup;
  readonly summary: string;
  readonly arguments: readonly VerbArgument[];
  readonly options: readonly VerbOption[];
  /** A command line without `prunella`, and what it does. */
  readonly examples: readonly (readonly [command: string, meaning: string])[];
};

export type VerbGroup =
  | "Run a cluster:"
  | "Look at it:"
  | "Change it:"
  | "Put it to the test:"
  | "Set up:";

/** The flags of one command, as the parser read them. */
export class Options {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  count(name: string): number | undefined {
    const value = this.#values[name];
    return typeof value === "number" ? value : undefined;
  }
}

/** Reads a whole number of at least `min`. */
export function atLeast(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`Give a whole number ${range}.`);
  };
}

export function oneOf(...choices: readonly string[]): (text: string) => string {
  return (text) => {
    if (choices.includes(text)) return text;
    throw new InvalidArgumentError(`Give one of: ${choices.join(", ")}.`);
  };
}
