/**
 * The plan: from what runs to what the file says, as a list of changes, each with its reason and risk.
 *
 * Counts are merged three ways, because two hands turn them: the file, and `prunella scale`. The base
 * is the file as it was last applied. A count that the file changed follows the file; a count that
 * only `scale` changed stays, within the file's bounds; and the plan says which of the two it was.
 */
import { isDeepStrictEqual } from "node:util";
import type { ClusterSpec, PlannedChange, ServiceSpec } from "./cluster-spec.ts";
import { electedRestartRisk, electionCauses } from "./plan-election.ts";
import { gatewayChanges, openCalls } from "./plan-gateway.ts";
import { routingChanges } from "./plan-routing.ts";

/** What runs. */
export type Running = {
  /** The specification that was applied last. */
  readonly spec: ClusterSpec;
  /** The count that the file said when it was applied last, by service. Left out: that of `spec`. */
  readonly fileCounts?: Readonly<Record<string, number>>;
  /** How many instances are wanted now, after `scale`, `add` and `rm`. Left out: the file's. */
  readonly counts: Readonly<Record<string, number>>;
};

/**
 * Says what applying `next` would change.
 *
 * @param running - Undefined when nothing runs yet.
 * @returns Gateway first, then services in the order of the file, then those that end. A change with
 *   the action `keep` changes nothing.
 *
 * Pure; O(services).
 */
export function planCluster(
  running: Running | undefined,
  next: ClusterSpec,
): readonly PlannedChange[] {
  const current = running?.spec;
  const changes: PlannedChange[] = [...gatewayChanges(current, next)];
  for (const [name, service] of Object.entries(next.services)) {
    const old = ownEntry(current?.services, name);
    if (old === undefined) {
      changes.push(creation(name, service, next));
      continue;
    }
    const fileCount = ownEntry(running?.fileCounts, name) ?? old.count;
    const merged = mergeCount(fileCount, service, ownEntry(running?.counts, name) ?? fileCount);
    const renamed = current?.name === next.name ? undefined : current?.name;
    changes.push(...serviceChanges({ name, old, service, merged, next, renamed }));
  }
  for (const [name, service] of Object.entries(current?.services ?? {})) {
    if (ownEntry(next.services, name) !== undefined) continue;
    changes.push(removal(name, ownEntry(running?.counts, name) ?? service.count));
  }
  return changes;
}

const unchanged = "the file says what runs";

function ownEntry<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

function instances(count: number): string {
  return count === 1 ? "1 instance" : `${count} instances`;
}

const safe = { risk: "none", riskDetail: "" } as const;

function creation(name: string, service: ServiceSpec, next: ClusterSpec): PlannedChange {
  const change = {
    ...({ action: "create", service: name, reason: "it is new in the file" } as const),
    detail: `start ${instances(service.count)} of ${service.command.join(" ").slice(0, 200)}`,
  };
  if (service.compat === undefined) return { ...change, ...safe };
  return { ...change, ...openCalls(next) };
}

function removal(name: string, count: number): PlannedChange {
  return {
    ...{ action: "remove", service: name, reason: "it is no longer in the file" },
    detail: `drain and end ${instances(count)}`,
    risk: "high",
    riskDetail: "Requests to its routes are answered with 404 from then on.",
  };
}

type MergedCount = { readonly count: number; readonly now: number; readonly why: string };

function mergeCount(fileCount: number, service: ServiceSpec, now: number): MergedCount {
  const { min, max } = service.scale;
  if (service.count !== fileCount) {
    const scaled = now === fileCount ? "" : `; this undoes the ${now} that scale had set`;
    const why = `the file's count changed from ${fileCount} to ${service.count}${scaled}`;
    return { count: service.count, now, why };
  }
  const count = Math.min(Math.max(now, min), max);
  if (count !== now) return { count, now, why: `the file now allows ${min} to ${max}` };
  const kept = `scale set ${now}, and the file's count (${fileCount}) has not changed since it was applied`;
  return { count, now, why: now === fileCount ? unchanged : kept };
}

type Change = {
  readonly name: string;
  readonly old: ServiceSpec;
  readonly service: ServiceSpec;
  readonly merged: MergedCount;
  readonly next: ClusterSpec;
  /** The cluster's name until now, if it changes. */
  readonly renamed: string | undefined;
};

function serviceChanges(change: Change): readonly PlannedChange[] {
  const { name, old, service, merged, next } = change;
  const changes = [
    ...restarts(change),
    ...routingChanges(name, old, service, next),
    ...settings(change),
    ...bounds(change),
  ];
  if (merged.count !== merged.now) changes.push(scaling(name, service, merged));
  if (changes.length > 0) {
    if (merged.why === unchanged || merged.count !== merged.now) return changes;
    return [...changes, kept(name, merged)];
  }
  return [kept(name, merged)];
}

function kept(name: string, { count, why }: MergedCount): PlannedChange {
  const detail = `${instances(count)} ${count === 1 ? "goes" : "go"} on`;
  return { action: "keep", service: name, detail, reason: why, ...safe };
}

const aloneRisk = {
  risk: "high",
  riskDetail: "There is no sibling: requests wait or fail while it restarts.",
} as const;

const siblingRisk = {
  risk: "low",
  riskDetail: "While one restarts, its siblings carry its share.",
} as const;

/** A running program keeps its command, folder and variables: only a new incarnation gets others. */
function restarts({ name, old, service, merged, renamed }: Change): readonly PlannedChange[] {
  const causes: string[] = [];
  if (!isDeepStrictEqual(old.command, service.command)) causes.push("run");
  if (old.folder !== service.folder) causes.push("folder");
  const variables = changedVariables(old.env, service.env);
  if (variables.length > 0) causes.push(`env (${variables.slice(0, 10).join(", ")})`);
  if (renamed !== undefined) causes.push(`the cluster's name (it was ${renamed})`);
  causes.push(...electionCauses(old, service));
  const survivors = Math.min(merged.now, merged.count);
  if (causes.length === 0 || survivors === 0) return [];
  const alone = survivors === 1;
  return [
    {
      ...{ action: "restart", service: name },
      detail: `start a new incarnation of ${instances(survivors)}`,
      reason: `changed: ${causes.join(", ")}`,
      ...(alone ? aloneRisk : (electedRestartRisk(old, service) ?? siblingRisk)),
    },
  ];
}

/** Names only: values may be secrets. */
function changedVariables(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => ownEntry(before, name) !== ownEntry(after, name)).toSorted();
}

/** What holds from the next probe, stop or start on, while instances go on. */
function settings({ name, old, service }: Change): readonly PlannedChange[] {
  const log = differences("log", old.log, service.log);
  const parts = [
    ...differences("health", old.probe, service.probe),
    ...differences("stop", old.stop, service.stop),
    ...log,
  ];
  if (parts.length === 0) return [];
  const later = log.length > 0 ? "; log limits hold from each one's next start" : "";
  const change = {
    ...({ action: "reroute", service: name } as const),
    detail: `instances go on with new settings${later}`,
    reason: `changed: ${parts.join(", ")}`,
  };
  if (old.probe.path !== undefined && service.probe.path === undefined) {
    const riskDetail =
      "Without a health path, an instance that only accepts connections counts as well.";
    return [{ ...change, risk: "low", riskDetail }];
  }
  const stricter =
    old.probe.path !== service.probe.path ||
    service.probe.timeoutMs < old.probe.timeoutMs ||
    service.probe.failuresMax < old.probe.failuresMax;
  if (!stricter) return [{ ...change, ...safe }];
  const riskDetail = "Instances that do not pass the new probe are restarted.";
  return [{ ...change, risk: "low", riskDetail }];
}

function bounds({ name, old, service }: Change): readonly PlannedChange[] {
  if (isDeepStrictEqual(old.scale, service.scale)) return [];
  const text = ({ min, max }: ServiceSpec["scale"]) => `${min} to ${max}`;
  const detail = `bounds ${text(old.scale)} -> ${text(service.scale)}`;
  return [{ action: "scale", service: name, detail, reason: "changed: scale", ...safe }];
}

function differences(label: string, before: object, after: object): readonly string[] {
  const old = new Map<string, unknown>(Object.entries(before));
  return Object.entries(after).flatMap(([field, value]: [string, unknown]) => {
    if (isDeepStrictEqual(old.get(field), value)) return [];
    return [`${label}.${field} ${said(old.get(field))} -> ${said(value)}`];
  });
}

function said(value: unknown): string {
  return value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value);
}

function scaling(
  name: string,
  service: ServiceSpec,
  { now, count, why }: MergedCount,
): PlannedChange {
  const change = {
    action: "scale",
    service: name,
    detail: `${now} -> ${count}`,
    reason: why,
  } as const;
  if (count === 0) {
    return { ...change, risk: "high", riskDetail: "Nobody is left to answer its routes." };
  }
  if (service.kind === "elected" && now > 0) {
    const riskDetail = `Members ${count < now ? "leave" : "join"} one at a time${count < now ? "; a leader hands over first" : ""}.`;
    return { ...change, risk: "low", riskDetail };
  }
  if (count < now) {
    const riskDetail = `${instances(now - count)} drained and ended; the others carry their share.`;
    return { ...change, risk: "low", riskDetail };
  }
  const moved = Math.round((100 * (count - now)) / count);
  const riskDetail = `About ${moved} % of the keys move to the new instances.`;
  return now === 0 ? { ...change, ...safe } : { ...change, risk: "low", riskDetail };
}
