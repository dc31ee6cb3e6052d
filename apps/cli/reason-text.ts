/** Why an instance is as it is, beside its phase: safe for a terminal, and not saying the phase twice. */
import type { InstanceStatus } from "@prunella/wire/control";
import { printable } from "./printable.ts";

export function reasonText({ phase, reason }: Pick<InstanceStatus, "phase" | "reason">): string {
  const text = printable(reason);
  return text.startsWith(`${phase}: `) ? text.slice(phase.length + 2) : text;
}
