/** The flags that every command knows. */
import { atLeast, type Verb, type VerbOption } from "./verb.ts";

/** Flags that every command knows. `-f` is short for `--file` unless the command follows something. */
export const globalOptions: readonly VerbOption[] = [
  {
    flags: "-f, --file <file>",
    summary: "the cluster file (cluster.ts, cluster.yaml)",
    completes: "file",
  },
  {
    flags: "--state <folder>",
    summary: "the state folder (.prunella beside the file)",
    completes: "folder",
  },
  { flags: "--json", summary: "answer for programs" },
  { flags: "--quiet", summary: "no talk, only answers and errors" },
  { flags: "--no-color", summary: "no colours; so does NO_COLOR=1" },
  {
    flags: "--timeout <ms>",
    summary: "how long to wait for the cluster (60000)",
    parse: atLeast(1),
  },
  { flags: "--yes", summary: "do not ask" },
];

/** The global flags of one command: those that it does not give a meaning of its own. */
export function globalOptionsFor(verb: Verb): readonly VerbOption[] {
  const isShortTaken = verb.options.some((option) => option.flags.startsWith("-f,"));
  const isOwn = ({ flags }: VerbOption): boolean =>
    verb.options.some((option) => longFlag(option) === longFlag({ flags }));
  return globalOptions
    .filter((option) => !isOwn(option))
    .map((option) =>
      isShortTaken ? { ...option, flags: option.flags.replace("-f, ", "") } : option,
    );
}

function longFlag({ flags }: Pick<VerbOption, "flags">): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags;
}
