/** The part of a plan that concerns who leads: settings of the election, and the kind itself. */
import { isDeepStrictEqual } from "node:util";
import type { PlannedChange, ServiceSpec } from "./cluster-spec.ts";

/** Why running instances need a new incarnation, in the words of the cluster file. */
export function electionCauses(old: ServiceSpec, service: ServiceSpec): readonly string[] {
  if (old.kind !== service.kind) return [`kind ${old.kind} -> ${service.kind}`];
  if (old.kind !== "elected" || service.kind !== "elected") return [];
  const before = new Map<string, unknown>(Object.entries(old.election));
  return Object.entries(service.election)
    .filter(([field, value]) => !isDeepStrictEqual(before.get(field), value))
    .map(([field, value]) => `${field} ${before.get(field)} -> ${value}`);
}

/** What a restart of all members costs an elected service; undefined for any other. */
export function electedRestartRisk(
  old: ServiceSpec,
  service: ServiceSpec,
): Pick<PlannedChange, "risk" | "riskDetail"> | undefined {
  if (service.kind !== "elected") return undefined;
  const mode = old.kind === "elected" ? old.election.mode : "none";
  if (mode !== service.election.mode) {
    const riskDetail =
      "Until all have restarted, old and new ones decide by different rules, and two may lead.";
    return { risk: "high", riskDetail };
  }
  return {
    risk: "low",
    riskDetail: "The leader restarts last and hands over first; requests wait meanwhile.",
  };
}
