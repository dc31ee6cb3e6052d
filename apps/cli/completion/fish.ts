/** The completion script for fish: one rule a word, with its description. */
import type { Completes } from "../verb.ts";
import { fixedWords, isLive, type VerbWords } from "./vocabulary.ts";

export function fishScript(verbs: readonly VerbWords[]): string {
  const names = verbs.map((verb) => verb.name).join(" ");
  const lines = verbs.flatMap((verb) => [
    `complete -c prunella -n "not __fish_seen_subcommand_from ${names}" -a ${verb.name} -d ${quoted(verb.summary)}`,
    ...flagLines(verb),
    ...argumentLines(verb),
  ]);
  return `# prunella completion for fish. Install: prunella completion fish > ~/.config/fish/completions/prunella.fish
function __prunella_live
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $argv[1] $words[2..] 2>/dev/null
end
complete -c prunella -f
${lines.join("\n")}
`;
}

function flagLines(verb: VerbWords): readonly string[] {
  return verb.flags.map((flag) => {
    const spellings = flag.spellings.map((word) =>
      word.startsWith("--") ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`,
    );
    const isPath = flag.completes === "file" || flag.completes === "folder";
    const value = flag.takesValue ? ` ${isPath ? "-r" : "-x"} ${offer(flag.completes)}` : "";
    return `${rule(verb)} ${spellings.join(" ")}${value} -d ${quoted(flag.summary)}`;
  });
}

/** Fish does not count arguments; it offers whatever the command takes. */
function argumentLines(verb: VerbWords): readonly string[] {
  const kinds = new Set(verb.arguments.filter((kind) => kind !== undefined));
  return [...kinds].map((kind) => `${rule(verb)} ${offer(kind)}`);
}

function rule(verb: VerbWords): string {
  return `complete -c prunella -n "__fish_seen_subcommand_from ${verb.name}"`;
}

function offer(kind: Completes | undefined): string {
  if (kind === undefined) return "";
  if (kind === "file") return "-F";
  if (kind === "folder") return `-a "(__fish_complete_directories (commandline -ct))"`;
  if (isLive(kind)) return `-a "(__prunella_live ${kind})"`;
  return `-a "${fixedWords[kind]?.join(" ") ?? ""}"`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`;
}
