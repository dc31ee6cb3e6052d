/**
 * What belongs to one failure: a fold of facts into incidents. It says when a failure began, which
 * instances it touched, how long the service was below full capacity, and whether it came back.
 *
 * Invariants, checked by `incident.test.ts`:
 *   I1  An incident opens with the first abnormal fact and closes when every instance that it
 *       touched serves again or is wanted no more.
 *   I2  `healedMs` is the time below full capacity: from the fault to full capacity, summed over all
 *       outages when it came back within a minute. So a quick restart that does not help looks bad.
 *   I3  At most 20 incidents and 100 facts of each are kept; what was left out is counted.
 *
 * Abnormal facts of the same service within 60 s belong together while one of them is open. A fault
 * of the same instance within 60 s of its healing reopens the incident; within ten minutes it is a
 * new one that names the old.
 *
 * Doors left open: causes (what changed shortly before), evidence, the split of detection and repair.
 */
import type { Fact } from "./fact.ts";

export type Incident = {
  /** `i-7`; grows by one, unique within its agent's life. */
  readonly id: string;
  readonly service: string | undefined;
  readonly title: string;
  readonly openedAtMs: number;
  readonly closedAtMs: number | undefined;
  /** Defined exactly when closed. */
  readonly healedMs: number | undefined;
  /** Outages in this incident: 1, and one more each time it came back within 60 s. */
  readonly outageCount: number;
  /** The incident of the same instance that was healed less than ten minutes before. */
  readonly recurrenceOf: string | undefined;
  /** Every instance that was touched, in order. At most 100. */
  readonly instances: readonly string[];
  /** Those that do not serve again yet. */
  readonly down: readonly string[];
  readonly facts: readonly Fact[];
  readonly factsLeftOut: number;
  /** When the present outage began, and what earlier ones cost. */
  readonly outageAtMs: number;
  readonly pastOutagesMs: number;
  readonly lastAbnormalAtMs: number;
};

export type Incidents = { readonly nextNumber: number; readonly list: readonly Incident[] };

export const noIncidents: Incidents = { nextNumber: 1, list: [] };

export const incidentsKeptMax = 20;
const factsKeptMax = 100;
const mergeMs = 60_000;
const recurrenceMs = 600_000;
/** Stands for the host in lists of instances: no instance can have this name. */
const hostSubject = "(host)";

/** Adds one fact. Oldest incident first in `list`; the closed ones are forgotten first. */
export function foldFact(incidents: Incidents, fact: Fact): Incidents {
  const subject = fact.instance ?? hostSubject;
  const own = incidents.list.findLast((one) => belongs(one, fact, subject));
  if (isAbnormal(fact)) {
    const joined = own ?? incidents.list.findLast((one) => merges(one, fact));
    return joined === undefined
      ? opened(incidents, fact, subject)
      : replaced(incidents, joined, touched(joined, fact, subject));
  }
  if (own === undefined) return incidents;
  const noted = note(own, fact);
  return replaced(incidents, own, isHealing(fact) ? healed(noted, fact, subject) : noted);
}

/** The incidents of an instance, newest first. */
export function incidentsOf(incidents: Incidents, instance: string): readonly Incident[] {
  return incidents.list.filter((one) => one.instances.includes(instance)).toReversed();
}

/** Why nobody may call a repair good before looking: share of incidents that came back. */
export function recurrenceRate(incidents: Incidents): number {
  const { list } = incidents;
  if (list.length === 0) return 0;
  const back = list.filter((one) => one.outageCount > 1 || one.recurrenceOf !== undefined).length;
  return back / list.length;
}

/** Facts that a healthy cluster, left alone, does not produce. */
export function isAbnormal({ type, data }: Fact): boolean {
  const { expected, asked } = data;
  switch (type) {
    case "exited":
      return expected !== true;
    case "restarting":
      return asked !== true;
    case "launch-failed":
    case "probe-failed":
    case "backing-off":
    case "parked":
    case "port-taken":
    case "stuck":
    case "disk-full":
      return true;
    default:
      return false;
  }
}

function isHealing({ type }: Fact): boolean {
  return ["ready", "probe-recovered", "removed", "disk-recovered"].includes(type);
}

/** The open incident of this subject, or one that was healed so lately that this is its echo. */
function belongs(one: Incident, fact: Fact, subject: string): boolean {
  if (!one.instances.includes(subject)) return false;
  return one.closedAtMs === undefined || fact.atMs - one.closedAtMs <= mergeMs;
}

function merges(one: Incident, fact: Fact): boolean {
  const isOpen = one.closedAtMs === undefined;
  return isOpen && one.service === fact.service && fact.atMs - one.lastAbnormalAtMs <= mergeMs;
}

function opened(incidents: Incidents, fact: Fact, subject: string): Incidents {
  const { nextNumber, list } = incidents;
  const earlier = list.findLast(
    ({ instances, closedAtMs }) =>
      instances.includes(subject) &&
      closedAtMs !== undefined &&
      fact.atMs - closedAtMs <= recurrenceMs,
  );
  const incident: Incident = {
    id: `i-${nextNumber}`,
    service: fact.service,
    title: titleOf(fact, subject),
    openedAtMs: fact.atMs,
    closedAtMs: undefined,
    healedMs: undefined,
    outageCount: 1,
    recurrenceOf: earlier?.id,
    instances: [subject],
    down: [subject],
    facts: [fact],
    factsLeftOut: 0,
    outageAtMs: fact.atMs,
    pastOutagesMs: 0,
    lastAbnormalAtMs: fact.atMs,
  };
  return { nextNumber: nextNumber + 1, list: bounded([...list, incident]) };
}

function touched(one: Incident, fact: Fact, subject: string): Incident {
  const noted = note(one, fact);
  const isBack = one.closedAtMs !== undefined;
  const parked = fact.type === "parked" ? { title: titleOf(fact, subject) } : {};
  return {
    ...noted,
    ...parked,
    closedAtMs: undefined,
    healedMs: undefined,
    outageCount: one.outageCount + (isBack ? 1 : 0),
    outageAtMs: isBack ? fact.atMs : one.outageAtMs,
    instances: including(one.instances, subject),
    down: including(one.down, subject),
    lastAbnormalAtMs: fact.atMs,
  };
}

function healed(one: Incident, fact: Fact, subject: string): Incident {
  if (one.closedAtMs !== undefined) return one;
  const down = one.down.filter((name) => name !== subject);
  if (down.length > 0) return { ...one, down };
  const pastOutagesMs = one.pastOutagesMs + Math.max(0, fact.atMs - one.outageAtMs);
  return { ...one, down, pastOutagesMs, closedAtMs: fact.atMs, healedMs: pastOutagesMs };
}

function note(one: Incident, fact: Fact): Incident {
  if (one.facts.length < factsKeptMax) return { ...one, facts: [...one.facts, fact] };
  // The beginning explains and the end is news: the middle goes.
  const half = factsKeptMax / 2;
  const facts = [...one.facts.slice(0, half), ...one.facts.slice(half + 1), fact];
  return { ...one, facts, factsLeftOut: one.factsLeftOut + 1 };
}

function titleOf(fact: Fact, subject: string): string {
  return subject === hostSubject ? fact.message : `${subject} ${fact.message}`;
}

function including(names: readonly string[], name: string): readonly string[] {
  return names.includes(name) || names.length >= factsKeptMax ? names : [...names, name];
}

function replaced(incidents: Incidents, old: Incident, next: Incident): Incidents {
  return { ...incidents, list: incidents.list.map((one) => (one === old ? next : one)) };
}

function bounded(list: readonly Incident[]): readonly Incident[] {
  if (list.length <= incidentsKeptMax) return list;
  const victim = Math.max(
    0,
    list.findIndex((one) => one.closedAtMs !== undefined),
  );
  return list.filter((_, index) => index !== victim);
}
