/**
 * The plan: from what runs to what the file says, as a list of changes, each with its reason and risk.
 *
 * Counts are merged three ways, because two hands turn them: the file, and `prunella scale`. The base
 * is the file as it was last applied. A count that the file changed follows the file; a count that
 * only `scale` changed stays, within the file's bounds; and the plan says which of the two it was.
 */
import { isDeepStrictEqual } from "node:util";
import type { ClusterSpec, PlannedChange, ServiceSpec } from "./cluster-spec.ts";
import { gatewayChanges, openCalls } from "./plan-gateway.ts";
import { routingChanges } from "./plan-routing.ts";

export type PlanInput = {
  /** The specification that was applied last; undefined when nothing runs yet. */
  readonly current: ClusterSpec | undefined;
  /** How many instances of each service are wanted now, after `scale`, `add` and `rm`. */
  readonly counts: Readonly<Record<string, number>>;
  readonly next: ClusterSpec;
};

export type Plan = {
  /** Gateway first, then services in the order of the file, then those that end. */
  readonly changes: readonly PlannedChange[];
  /** The count that each service of `next` gets. */
  readonly counts: Readonly<Record<string, number>>;
  /** False when carrying it out would change nothing. */
  readonly pending: boolean;
};

/** Pure; O(services). */
export function planChanges({ current, counts, next }: PlanInput): Plan {
  const changes: PlannedChange[] = [...gatewayChanges(current, next)];
  const newCounts: [string, number][] = [];
  for (const [name, service] of Object.entries(next.services)) {
    const old = ownEntry(current?.services, name);
    if (old === undefined) {
      newCounts.push([name, service.count]);
      changes.push(creation(name, service, next));
      continue;
    }
    const merged = mergeCount(old, service, ownEntry(counts, name) ?? old.count);
    newCounts.push([name, merged.count]);
    const renamed = current?.name === next.name ? undefined : current?.name;
    changes.push(...serviceChanges({ name, old, service, merged, next, renamed }));
  }
  for (const [name, service] of Object.entries(current?.services ?? {})) {
    if (ownEntry(next.services, name) !== undefined) continue;
    changes.push(removal(name, ownEntry(counts, name) ?? service.count));
  }
  const pending = changes.some(({ action, reason }) => action !== "keep" || reason !== unchanged);
  return { changes, counts: Object.fromEntries(newCounts), pending };
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

function mergeCount(old: ServiceSpec, service: ServiceSpec, now: number): MergedCount {
  if (service.count !== old.count) {
    const scaled = now === old.count ? "" : `; this undoes the ${now} that scale had set`;
    const why = `the file's count changed from ${old.count} to ${service.count}${scaled}`;
    return { count: service.count, now, why };
  }
  const { min, max } = service.scale;
  const count = Math.min(Math.max(now, min), max);
  if (count !== now) {
    const why = `the file now allows ${min} to ${max}`;
    return { count, now, why };
  }
  const kept = `scale set ${now}, and the file's count (${old.count}) has not changed since it was applied`;
  return { count, now, why: now === old.count ? unchanged : kept };
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
  ];
  if (merged.count !== merged.now) changes.push(scaling(name, merged));
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

/** A running program keeps its command, folder and variables: only a new incarnation gets others. */
function restarts({ name, old, service, merged, renamed }: Change): readonly PlannedChange[] {
  const causes: string[] = [];
  if (!isDeepStrictEqual(old.command, service.command)) causes.push("run");
  if (old.folder !== service.folder) causes.push("folder");
  const variables = changedVariables(old.env, service.env);
  if (variables.length > 0) causes.push(`env (${variables.slice(0, 10).join(", ")})`);
  if (renamed !== undefined) causes.push(`the cluster's name (it was ${renamed})`);
  if (causes.length === 0 || merged.now === 0) return [];
  const survivors = Math.min(merged.now, merged.count);
  const alone = survivors === 1;
  return [
    {
      ...{ action: "restart", service: name },
      detail: `start a new incarnation of ${instances(Math.max(survivors, 1))}`,
      reason: `changed: ${causes.join(", ")}`,
      risk: alone ? "high" : "low",
      riskDetail: alone
        ? "There is no sibling: requests wait or fail while it restarts."
        : "While one restarts, its siblings carry its share.",
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

/** What is used from the next probe, stop or start on, while instances go on. */
function settings({ name, old, service }: Change): readonly PlannedChange[] {
  const parts = [
    ...differences("health", old.probe, service.probe),
    ...differences("stop", old.stop, service.stop),
    ...differences("log", old.log, service.log),
    ...differences("scale", old.scale, service.scale),
  ];
  if (parts.length === 0) return [];
  const reason = `changed: ${parts.join(", ")}`;
  const log = parts.some((part) => part.startsWith("log."));
  const detail = `instances go on with new settings${log ? "; log limits hold from each one's next start" : ""}`;
  const faster = service.probe.startupMs < old.probe.startupMs;
  const blind = old.probe.path !== undefined && service.probe.path === undefined;
  if (blind) {
    const riskDetail =
      "Without a health path, an instance that accepts connections counts as well.";
    return [{ action: "keep", service: name, detail, reason, risk: "low", riskDetail }];
  }
  if (faster || old.probe.path !== service.probe.path) {
    const riskDetail = "If instances do not pass the new probe, they are restarted.";
    return [{ action: "keep", service: name, detail, reason, risk: "low", riskDetail }];
  }
  return [{ action: "keep", service: name, detail, reason, ...safe }];
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

function scaling(name: string, { now, count, why }: MergedCount): PlannedChange {
  const change = {
    action: "scale",
    service: name,
    detail: `${now} -> ${count}`,
    reason: why,
  } as const;
  if (count === 0) {
    return { ...change, risk: "high", riskDetail: "Nobody is left to answer its routes." };
  }
  if (count < now) {
    const riskDetail = `${instances(now - count)} drained and ended; the others carry their share.`;
    return { ...change, risk: "low", riskDetail };
  }
  const moved = Math.round((100 * (count - now)) / count);
  const riskDetail = `About ${moved} % of the keys move to the new instances.`;
  return now === 0 ? { ...change, ...safe } : { ...change, risk: "low", riskDetail };
}
