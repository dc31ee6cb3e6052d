/** The completion script for bash 3.2 and later; it needs no `bash-completion` package. */
import { type FlagWords, fixedWords, globalFlags, isLive, type VerbWords } from "./vocabulary.ts";

export function bashScript(verbs: readonly VerbWords[]): string {
  const names = verbs.map((verb) => verb.name).join(" ");
  return `# prunella completion for bash. Install: prunella completion bash > ~/.local/share/bash-completion/completions/prunella
_prunella() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" verb="" place=0 i skip=0
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if ((skip)); then skip=0; continue; fi
    case "\${COMP_WORDS[i]}" in
      -f) [[ $verb == logs || $verb == events ]] || skip=1 ;;
      ${valueFlags(verbs)}) skip=1 ;;
      -*) ;;
      *) if [[ -z $verb ]]; then verb="\${COMP_WORDS[i]}"; else place=$((place + 1)); fi ;;
    esac
  done
  local live="" words="" files=""
  case "$verb:$prev" in
${flagCases(verbs)}
  esac
  if [[ -z $live$words$files ]]; then
    if [[ $cur == -* ]]; then
      case "$verb" in
${verbs.map((verb) => `        ${verb.name}) words="${spellings(verb.flags)}" ;;`).join("\n")}
        *) words="${spellings(globalFlags())}" ;;
      esac
    elif [[ -z $verb ]]; then
      words="${names} help"
    else
      case "$verb:$place" in
        help:0) words="${names}" ;;
${verbs.flatMap(argumentCases).join("\n")}
      esac
    fi
  fi
  if [[ -n $live ]]; then
    words="$("\${COMP_WORDS[0]}" __complete "$live" "\${COMP_WORDS[@]:1}" 2>/dev/null)"
  fi
  if [[ -n $files ]]; then
    COMPREPLY=($(compgen "-$files" -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}
complete -o bashdefault -F _prunella prunella
`;
}

/** Long flags and short ones that take the next word; \`-f\` is told apart by its command. */
function valueFlags(verbs: readonly VerbWords[]): string {
  const flags = verbs.flatMap((verb) => verb.flags).filter((flag) => flag.takesValue);
  const words = flags.flatMap((flag) => flag.spellings).filter((word) => word !== "-f");
  return [...new Set(words)].join("|");
}

function flagCases(verbs: readonly VerbWords[]): string {
  const cases = verbs.flatMap((verb) =>
    verb.flags
      .filter((flag) => flag.takesValue)
      .map((flag) => {
        const patterns = flag.spellings.map((word) => `${verb.name}:${word}`).join("|");
        return `    ${patterns}) ${offer(flag)} ;;`;
      }),
  );
  return cases.join("\n");
}

/** A value that nobody can guess is left to bash: a single space is not empty and offers nothing. */
function offer(flag: FlagWords): string {
  if (flag.completes === "file") return "files=f";
  if (flag.completes === "folder") return "files=d";
  const fixed = flag.completes === undefined ? undefined : fixedWords[flag.completes];
  return `words="${fixed?.join(" ") ?? " "}"`;
}

function spellings(flags: readonly FlagWords[]): string {
  return flags.flatMap((flag) => flag.spellings.filter((word) => word.startsWith("--"))).join(" ");
}

function argumentCases(verb: VerbWords): readonly string[] {
  return verb.arguments.flatMap((kind, index) => {
    if (kind === undefined) return [];
    const isLast = index === verb.arguments.length - 1;
    const place = isLast && verb.repeats ? "*" : `${index}`;
    const words = isLive(kind) ? `live=${kind}` : `words="${fixedWords[kind]?.join(" ") ?? ""}"`;
    return [`        ${verb.name}:${place}) ${words} ;;`];
  });
}
