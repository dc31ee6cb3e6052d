import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { splitCommand } from "./command-line.ts";

const split: readonly (readonly [string, readonly string[]])[] = [
  ["python3 app.py", ["python3", "app.py"]],
  ["  a \t b  ", ["a", "b"]],
  ["a 'b c' \"d e\"", ["a", "b c", "d e"]],
  ["a b'c'\"d\"e", ["a", "bcde"]],
  ["a '' \"\"", ["a", "", ""]],
  ["a '$HOME `x` | & \\' b", ["a", "$HOME `x` | & \\", "b"]],
  ['a "say \\"hi\\" \\\\ \\$x \\n"', ["a", 'say "hi" \\ $x \\n']],
  ["a b\\ c \\'", ["a", "b c", "'"]],
  ["a --url=http://x/?q=1#z --glob=*.ts", ["a", "--url=http://x/?q=1#z", "--glob=*.ts"]],
  ["a b~ 5$ {}", ["a", "b~", "5$", "{}"]],
];

test("words are split as people expect", () => {
  for (const [text, words] of split)
    assert.deepEqual(splitCommand(text), { ok: true, words }, text);
});

const refused: readonly (readonly [string, RegExp])[] = [
  ["", /names no program/],
  ["  ", /names no program/],
  ["'' x", /names no program/],
  ["a | b", /a pipe/],
  ["a && b", /a background or && operator/],
  ["a; b", /a command separator/],
  ["a > out.log", /a redirection/],
  ["a < in", /a redirection/],
  ["(a)", /a subshell/],
  ["a `b`", /a command substitution/],
  ["a $(b)", /a variable or substitution/],
  ["a $HOME", /a variable or substitution/],
  ["a $- $1", /a variable or substitution/],
  ['a "$HOME"', /a variable or substitution/],
  ['a "`b`"', /a command substitution/],
  ["~/bin/a", /a home folder/],
  ["a\nb", /a line break/],
  ["a 'b", /a single quote that is never closed/],
  ['a "b', /a double quote that is never closed/],
  ["a \\", /a lone backslash/],
  ["PORT=3000 node x", /the variable PORT/],
];

test("what only a shell could do is refused with a hint", () => {
  for (const [text, message] of refused) {
    const result = splitCommand(text);
    assert.ok(!result.ok, text);
    assert.match(result.message, message, text);
    assert.ok(result.fix.length > 10);
  }
});

// Goal: what we accept means what a shell would make of it. Method: random lines of risky characters;
// the same line goes through a real sh, which prints its words. Globs and comments are left out.
test("accepted lines have the words that a shell sees", () => {
  const piece = fc.constantFrom("a", "b c", "'", '"', "\\", " ", "$", "x", "=", "é", "{", ".", "-");
  const lines = fc.sample(fc.array(piece, { minLength: 1, maxLength: 10 }), {
    seed: 7,
    numRuns: 3000,
  });
  const accepted = lines.flatMap((parts) => {
    const line = `p ${parts.join("")}`;
    const result = splitCommand(line);
    return result.ok ? [{ line, words: result.words }] : [];
  });
  assert.ok(accepted.length > 500, `only ${accepted.length} lines were accepted`);
  const script = [
    'p() { for w in p "$@"; do printf "%s\\0" "$w"; done; printf "\\1"; }',
    ...accepted.map(({ line }) => line),
  ];
  const output = execFileSync("sh", ["-c", script.join("\n")], { encoding: "utf8" });
  const seen = output
    .split("\u0001")
    .slice(0, -1)
    .map((words) => words.split("\0").slice(0, -1));
  assert.deepEqual(
    seen,
    accepted.map(({ words }) => words),
  );
});
