/** What is not settled yet, in sentences, beside what the lines about instances say anyway. */
import type { ClusterStatus, InstanceStatus } from "@prunella/wire/control";
import { printable } from "./printable.ts";

export function unsettledBeside(
  status: ClusterStatus,
  told: readonly InstanceStatus[],
): readonly string[] {
  return status.unsettled
    .filter((sentence) => !told.some(({ name }) => sentence.startsWith(`${name}:`)))
    .map(printable);
}
