/** What doctor found, drawn for people: where, what, why it matters, and the remedy. */
import type { ClusterFile, Finding } from "@prunella/spec";
import { near } from "./cluster-place.ts";
import type { Invocation } from "./invocation.ts";
import { printable } from "./printable.ts";
import { type Screen, type Style, wrap } from "./screen.ts";

const styles: Readonly<Record<Finding["severity"], Style>> = {
  error: "red",
  warning: "yellow",
  info: "cyan",
};

export async function findingsOf(call: Invocation, file: ClusterFile): Promise<readonly Finding[]> {
  const { diagnose, machineFacts } = await import("@prunella/spec");
  const facts = await machineFacts(file.spec, file.folder, call.env.PATH ?? "");
  return diagnose(file, facts);
}

export function drawFinding(call: Invocation, finding: Finding, screen: Screen): string {
  const { severity, id, file, line, column, message, why, fix } = finding;
  const mark = severity === "error" ? screen.marks.failed : screen.marks.warning;
  const place = `${near(call.folder, file)}:${line}:${column}`;
  const width = Math.min(screen.columns, 120) - 8;
  const part = (label: string, text: string) =>
    wrap(printable(text), width).map((each, index) => {
      return `  ${screen.style("dim", (index === 0 ? label : "").padEnd(4))}  ${each}`;
    });
  const lines = [
    `${screen.style(styles[severity], `${mark} ${severity}`)}  ${screen.style("bold", place)}  ${screen.style("dim", id)}`,
    ...part("", message),
    ...part("why", why),
    ...part("fix", fix),
  ];
  return `${lines.join("\n")}\n`;
}
