/** A problem: a complaint with a place in a file, and how it is shown to people. */
import { ClusterError } from "@prunella/core/kernel";
import { type Complaint, errorCode, pathText } from "./complaint.ts";
import { locate, type Positions } from "./source-positions.ts";

export type Problem = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly code: "CONFIG_INVALID" | "NOT_YET";
  /** A whole sentence without its full stop: what is wrong. */
  readonly message: string;
  /** What to do about it. */
  readonly fix: string;
  /** The line that it is about, as written; empty when it cannot be read. */
  readonly sourceLine: string;
};

export function problemsOf(
  complaints: readonly Complaint[],
  file: string,
  text: string,
  positions: Positions,
): readonly Problem[] {
  const lines = text.split(/\r\n|\n|\r/);
  const problems = complaints.map(({ path, at, code, message, fix }): Problem => {
    const { line, column } = locate(positions, path, at);
    const sourceLine = lines[line - 1] ?? "";
    return { file, line, column, code, message: `${pathText(path)} ${message}`, fix, sourceLine };
  });
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

const widthMax = 120;

/**
 * The problem as text: place and fault, the source line with a marker, and the cure.
 *
 * ```text
 * cluster.ts:7:12: services.hello.count must be a whole number from 0 to 1000, not "three"
 *   7 |     count: "three",
 *     |            ^
 *   fix: write a plain number
 * ```
 */
export function problemText(problem: Problem): string {
  const { file, line, column, message, fix } = problem;
  const shown = [`${file}:${line}:${column}: ${message}`];
  if (problem.sourceLine.trim() !== "") {
    const from = column > widthMax - 20 ? column - 40 : 0; // A long line is shown around the fault.
    const source = problem.sourceLine.slice(from, from + widthMax);
    const before = source.slice(0, Math.max(0, column - 1 - from));
    const number = String(line);
    shown.push(`  ${number} | ${printable(source)}`);
    shown.push(`  ${" ".repeat(number.length)} | ${before.replace(/[^\t]/g, " ")}^`);
  }
  return [...shown, `  fix: ${fix}`].join("\n");
}

/** Nothing from a file may steer the terminal that shows it. */
function printable(text: string): string {
  return text.replace(/[^\t\P{C}]/gu, "?");
}

/** All problems as one operating error: its message is ready to be shown, `details` is for programs. */
export function problemError(problems: readonly Problem[]): ClusterError {
  return new ClusterError(errorCode(problems), {
    message: problems.map(problemText).join("\n\n"),
    details: { problems },
  });
}
