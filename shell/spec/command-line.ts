/**
 * Splits `run: "python3 app.py --name 'two words'"` into program and arguments.
 *
 * There is no shell between Prunella and a program: no second process to signal, no quoting trap, no
 * injection. Quotes and backslashes work as people expect; whatever only a shell could do is refused
 * with a hint, because passing `>` or `$HOME` on as plain text would be a silent surprise.
 */
export type CommandWords =
  | { readonly ok: true; readonly words: readonly string[] }
  | { readonly ok: false; readonly message: string; readonly fix: string };

const operators = new Map([
  ["|", "a pipe"],
  ["&", "a background or && operator"],
  [";", "a command separator"],
  ["<", "a redirection"],
  [">", "a redirection"],
  ["(", "a subshell"],
  [")", "a subshell"],
  ["`", "a command substitution"],
  ["\n", "a line break"],
]);

const assignment = /^[A-Za-z_][A-Za-z0-9_]*=/;

export function splitCommand(text: string): CommandWords {
  const scan: Scan = { text, at: 0, words: [], word: undefined };
  while (scan.at < text.length) {
    const refused = step(scan);
    if (refused !== undefined) return refused;
  }
  endWord(scan);
  const [program] = scan.words;
  if (program === undefined || program === "") {
    return { ok: false, message: "names no program", fix: 'write for example run: "./server.ts"' };
  }
  if (assignment.test(program)) {
    const name = program.slice(0, program.indexOf("="));
    return {
      ok: false,
      message: `starts with the variable ${name}, which only a shell would set`,
      fix: `set it beside the command: env: { ${name}: "..." }`,
    };
  }
  return { ok: true, words: scan.words };
}

type Scan = { readonly text: string; at: number; words: string[]; word: string | undefined };

type Refused = Extract<CommandWords, { readonly ok: false }>;

/** Consumes one character, one quoted part or one escape. */
function step(scan: Scan): Refused | undefined {
  const char = scan.text.charAt(scan.at);
  if (char === "'" || char === '"') return quoted(scan, char);
  if (char === "$" && expands(scan.text, scan.at)) return needsShell("a variable or substitution");
  if (char === "~" && scan.word === undefined) return needsShell("a home folder (~)");
  const operator = operators.get(char);
  if (operator !== undefined) return needsShell(operator);
  scan.at += 1;
  if (char === "\\") {
    if (scan.at >= scan.text.length) {
      return { ok: false, message: "ends with a lone backslash", fix: "remove the backslash" };
    }
    scan.word = (scan.word ?? "") + scan.text.charAt(scan.at);
    scan.at += 1;
  } else if (/\s/.test(char)) {
    endWord(scan);
  } else {
    scan.word = (scan.word ?? "") + char;
  }
  return undefined;
}

/** Single quotes take everything as it is; double quotes know `\"` and `\\`, and would expand `$`. */
function quoted(scan: Scan, quote: string): Refused | undefined {
  let part = "";
  for (let at = scan.at + 1; at < scan.text.length; at++) {
    const char = scan.text.charAt(at);
    if (char === quote) {
      scan.word = (scan.word ?? "") + part;
      scan.at = at + 1;
      return undefined;
    }
    if (quote === '"') {
      if (char === "`") return needsShell("a command substitution");
      if (char === "$" && expands(scan.text, at)) return needsShell("a variable or substitution");
      const escaped = scan.text.charAt(at + 1);
      if (char === "\\" && (escaped === '"' || escaped === "\\" || escaped === "$")) {
        part += escaped;
        at += 1;
        continue;
      }
    }
    part += char;
  }
  return {
    ok: false,
    message: `has a ${quote === '"' ? "double" : "single"} quote that is never closed`,
    fix: "close the quote, or write the command as a list of words",
  };
}

function expands(text: string, at: number): boolean {
  return /[A-Za-z_{(0-9?$!#@*-]/.test(text.charAt(at + 1));
}

function needsShell(feature: string): Refused {
  return {
    ok: false,
    message: `contains ${feature}, but no shell runs it`,
    fix: 'put the line into a script, or write run: ["sh", "-c", "..."]',
  };
}

function endWord(scan: Scan): void {
  if (scan.word !== undefined) scan.words.push(scan.word);
  scan.word = undefined;
}
