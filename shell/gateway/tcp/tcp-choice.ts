/**
 * Which member gets a new TCP connection: the one with the fewest for its weight. Connections live
 * long, so their number is the load; a key or a load bound would say nothing that it does not.
 */
import type { Limits } from "../limits.ts";
import type { Member } from "../routing/member.ts";
import type { Service } from "../routing/service.ts";

/**
 * Those that failed a moment ago come last, and are used all the same when nobody else is left.
 *
 * @param turn - Grows with each connection: among equals each has its turn.
 */
export function leastConnected(
  service: Service,
  tried: readonly Member[],
  limits: Limits,
  turn: number,
  nowMs: number,
): Member | undefined {
  const { members } = service;
  let best: Member | undefined;
  for (let step = 0; step < members.length; step++) {
    const member = members[(turn + step) % members.length];
    if (member === undefined || !mayTake(member, tried, limits)) continue;
    if (best === undefined || isBetter(member, best, nowMs)) best = member;
  }
  return best;
}

/** Of an elected service: its leader, which is the only one that may take connections. */
export function leading(
  service: Service,
  tried: readonly Member[],
  limits: Limits,
): Member | undefined {
  const { leader } = service;
  return leader !== undefined && mayTake(leader, tried, limits) ? leader : undefined;
}

/** The member behind a port of its own, if it takes connections. */
export function memberNumbered(
  service: Service,
  number: number,
  tried: readonly Member[],
  limits: Limits,
): Member | undefined {
  const member = service.members.find(
    ({ view }) => view.number === number && view.state !== "leaving",
  );
  return member !== undefined && mayTake(member, tried, limits) ? member : undefined;
}

function mayTake(member: Member, tried: readonly Member[], limits: Limits): boolean {
  return member.serving && member.inFlight < limits.maxInFlight && !tried.includes(member);
}

function isBetter(member: Member, best: Member, nowMs: number): boolean {
  const isOut = member.isOut(nowMs);
  if (isOut !== best.isOut(nowMs)) return !isOut;
  return member.inFlight / member.view.weight < best.inFlight / best.view.weight;
}
