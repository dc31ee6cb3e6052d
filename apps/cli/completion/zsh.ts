/** The completion script for zsh: descriptions beside each word. */

import type { Completes } from "../verb.ts";
import { type FlagWords, fixedWords, isLive, type VerbWords } from "./vocabulary.ts";

export function zshScript(verbs: readonly VerbWords[]): string {
  return `#compdef prunella
# prunella completion for zsh. Install: prunella completion zsh > ~/.zfunc/_prunella   (with ~/.zfunc in fpath)
_prunella_live() {
  local -a names
  names=(\${(f)"$("\${words_all[1]}" __complete "$1" "\${words_all[@]:1}" 2>/dev/null)"})
  (( \${#names} )) && compadd -a names
}
_prunella() {
  local -a words_all verbs
  words_all=("\${words[@]}")
  local state line
  verbs=(
${verbs.map((verb) => `    ${quoted(`${verb.name}:${verb.summary}`)}`).join("\n")}
  )
  _arguments -C '1: :->verb' '*:: :->rest' && return
  case $state in
    verb) _describe -t commands command verbs ;;
    rest)
      case $line[1] in
${verbs.map(verbCase).join("\n")}
        help) _describe -t commands command verbs ;;
      esac ;;
  esac
}
if [[ $funcstack[1] == _prunella ]]; then _prunella "$@"; else compdef _prunella prunella; fi
`;
}

function verbCase(verb: VerbWords): string {
  const specs = [...verb.flags.flatMap(flagSpecs), ...argumentSpecs(verb)];
  return `        ${verb.name}) _arguments ${specs.map(quoted).join(" ")} ;;`;
}

function flagSpecs(flag: FlagWords): readonly string[] {
  const others = flag.spellings.join(" ");
  const value = flag.takesValue ? `:value:${action(flag.completes)}` : "";
  return flag.spellings.map((word) => `(${others})${word}[${escaped(flag.summary)}]${value}`);
}

function argumentSpecs(verb: VerbWords): readonly string[] {
  return verb.arguments.map((kind, index) => {
    const isMany = index === verb.arguments.length - 1 && verb.repeats;
    return `${isMany ? "*" : index + 1}:${kind ?? "value"}:${action(kind)}`;
  });
}

function action(kind: Completes | undefined): string {
  if (kind === undefined) return " ";
  if (kind === "file") return "_files";
  if (kind === "folder") return "_files -/";
  if (isLive(kind)) return `{_prunella_live ${kind}}`; // In braces it is called with this word alone.
  return `(${fixedWords[kind]?.join(" ") ?? ""})`;
}

function escaped(text: string): string {
  return text.replace(/[[\]:]/g, "\\$&");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
