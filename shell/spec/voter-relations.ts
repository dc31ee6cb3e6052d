/**
 * What must hold between the count of an elected service and its mode. Two voters are the usual
 * mistake: their majority is both of them, so the loss of either stops every election, which is worse
 * than one instance without any election.
 */
import { type Complaint, configComplaint } from "./complaint.ts";
import { completeCounts, isQuorum } from "./completion.ts";
import { limits } from "./defaults.ts";
import type { PartialService } from "./elected-schema.ts";

/** The complaints about the voters of one service; none when it does not vote. */
export function voterComplaints(name: string, shape: PartialService): readonly Complaint[] {
  if (shape.kind !== "elected" || !isQuorum(shape)) return [];
  const at = ["services", name];
  const { votersMin, votersMax } = limits;
  const { count } = completeCounts(shape);
  const { min, max } = shape.scale ?? {};
  const found: Complaint[] = [];
  if (count < votersMin) {
    const message =
      count === 1
        ? "is 1, and a single voter has nobody to be replaced by"
        : `is ${count}, and a majority of two is two: without either of them nobody can lead`;
    const fix = `write count: ${votersMin}, or mode: "arbiter" (a locked file decides), or mode: "available" (two may lead after a partition)`;
    found.push(configComplaint([...at, "count"], message, fix));
  }
  if (count > votersMax) {
    const message = `is ${count}, more than the ${votersMax} voters that a quorum may have`;
    found.push(
      configComplaint([...at, "count"], message, `write ${votersMax} or less, or another mode`),
    );
  }
  if (min !== undefined && min < votersMin && found.length === 0) {
    const message = `is ${min}, but a quorum has ${votersMin} voters at least`;
    found.push(configComplaint([...at, "scale", "min"], message, `write ${votersMin} or more`));
  }
  if (max !== undefined && max > votersMax && found.length === 0) {
    const message = `is ${max}, but a quorum has ${votersMax} voters at most`;
    found.push(configComplaint([...at, "scale", "max"], message, `write ${votersMax} or less`));
  }
  return found;
}
