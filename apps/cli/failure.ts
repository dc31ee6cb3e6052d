/**
 * What a person reads when a command fails: what happened, why, how to fix it, which command is next.
 * An error brings the last three in its details as `why`, `fix` and `next`, where they are known.
 */
import { ClusterError } from "@prunella/core/kernel";
import { printable } from "./printable.ts";
import { type Screen, wrap } from "./screen.ts";
import { Cancellation, UsageError } from "./usage-error.ts";

export type Advice = {
  readonly why?: string | undefined;
  readonly fix?: string | undefined;
  readonly next?: string | undefined;
};

export type FailureReport = Advice & {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
};

/** Reads an error of any origin. A bug keeps its stack, because somebody will have to find it. */
export function reportOf(error: unknown): FailureReport {
  if (error instanceof UsageError) {
    return { code: "USAGE", message: error.message, details: {}, next: error.next };
  }
  if (error instanceof Cancellation) {
    return { code: "CANCELLED", message: error.message, details: {} };
  }
  if (ClusterError.is(error)) {
    const { why, fix, next, ...details } = error.details;
    return {
      code: error.code,
      message: error.message,
      details,
      why: text(why),
      fix: text(fix),
      next: text(next),
    };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    code: "BUG",
    message: stack,
    details: {},
    fix: "this is a bug in Prunella; please report it with the lines above",
  };
}

/** Draws the report for people. Lines of the message keep their breaks: they may hold a caret. */
export function drawFailure(report: FailureReport, screen: Screen): string {
  const lines = messageLines(report.message, screen.columns - 2).map((line, index) =>
    index === 0
      ? `${screen.style("red", screen.marks.failed)} ${screen.style("bold", line)}`
      : `  ${line}`,
  );
  for (const [label, value] of [
    ["why", report.why],
    ["fix", report.fix],
    ["next", report.next],
  ] as const) {
    if (value === undefined) continue;
    const body = wrap(printable(value), screen.columns - 8);
    lines.push(`  ${screen.style("dim", label.padEnd(4))}  ${body.join(`\n${" ".repeat(8)}`)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** One sentence is wrapped. Lines of a longer message stay as they are: they may point with a caret. */
function messageLines(message: string, width: number): readonly string[] {
  const lines = message.trimEnd().split("\n").map(printable);
  return lines.length === 1 ? wrap(lines[0] ?? "", width) : lines;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
