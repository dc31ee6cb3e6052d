/**
 * Keeps a member out for a moment when it fails in a row. The gateway acts only on what hurts within
 * seconds; whether a member is sick is decided by core/healing.
 *
 *   G15  While a serving member exists, ejection alone never makes a service unavailable.
 *
 * At most a third may be out, and at least one: if more look bad the fault is common (a database, a
 * bad deployment), then all are admitted again and somebody is told.
 */
import type { DataPathFact } from "../observation/data-path-fact.ts";
import type { FaultLabel, Member } from "./member.ts";
import type { Drawing } from "./routing-key.ts";
import type { Service } from "./service.ts";

const outShare = 1 / 3;

const failures: Readonly<Record<FaultLabel, string>> = {
  connect: "it refused a connection",
  reset: "it closed a connection instead of answering",
  late: "it did not answer in time",
  framing: "its answer was malformed",
  status: "it answered 5xx",
};

/** Whoever judges: the clock, luck, and somebody to tell. */
export interface Judge extends Drawing {
  readonly nowMs: number;
  report(fact: DataPathFact): void;
}

export function blame(judge: Judge, service: Service, member: Member, label: FaultLabel): void {
  if (label === "framing" && member.framingFaulted(judge.nowMs)) {
    judge.report({
      type: "framing-fault",
      service: service.name,
      member: member.view.id,
      incarnation: member.view.incarnation,
      message: `${member.view.id} sent a malformed answer, or bytes that belong to no answer, twice within a minute. Its answers cannot be trusted; look at how it writes lengths.`,
    });
  }
  const { ejectAfter } = service.rules;
  const isTooMuch = member.faulted(label, ejectAfter);
  if (!isTooMuch || !member.serving || service.servingCount <= 1) return;
  if (member === service.leader) return; // Nobody could take its place.
  const out = service.members.filter(
    (other) => other.serving && judge.nowMs < other.ejectedUntilMs,
  );
  if (out.includes(member)) return;
  if (out.length < Math.max(1, Math.floor(service.servingCount * outShare))) {
    member.eject(judge.nowMs, judge.draw() / 0x1_0000_0000);
    judge.report({
      type: "ejected",
      service: service.name,
      member: member.view.id,
      incarnation: member.view.incarnation,
      message: `${member.view.id} failed ${ejectAfter} times in a row (the last: ${failures[label]}) and is left alone for a moment; others take its requests. See its log.`,
    });
    return;
  }
  for (const other of service.members) other.readmit();
  judge.report({
    type: "fail-open",
    service: service.name,
    member: undefined,
    message: `More than a third of ${service.name} fails in a row, so all are used again. The cause is probably common to all: look at what they depend on.`,
  });
}
