/**
 * Which member gets a new TCP connection: the one with the fewest for its weight. Connections live
 * long, so their number is the load; a key or a load bound would say nothing that it does not.
 */
import type { TcpView } from "@prunella/wire/view";
import type { Limits } from "../limits.ts";
import type { Member } from "../routing/member.ts";
import type { Service } from "../routing/service.ts";

export type TcpRole = NonNullable<TcpView["role"]>;

/** What a port by service is for, when the view does not say. */
export function roleOf({ role }: TcpView, service: Service): TcpRole {
  return role ?? (service.leaderRoute === undefined ? "replicas" : "primary");
}

/**
 * Those that failed a moment ago come last, and are used all the same when nobody else is left. A leader
 * has work that only it can do, so it gets what others could take only when there are no others.
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
  const { members, leader } = service;
  let best: Member | undefined;
  for (let step = 0; step < members.length; step++) {
    const member = members[(turn + step) % members.length];
    if (member === undefined || member === leader || !mayTake(member, tried, limits)) continue;
    if (best === undefined || isBetter(member, best, nowMs)) best = member;
  }
  return best ?? leading(service, tried, limits);
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

/** The member that a first frame names, if it takes connections. */
export function memberNamed(
  service: Service,
  name: string,
  tried: readonly Member[],
  limits: Limits,
): Member | undefined {
  const member = service.members.find(({ view }) => view.id === name);
  return member !== undefined && mayTake(member, tried, limits) ? member : undefined;
}

export function isKnown(service: Service, name: string): boolean {
  return service.members.some(({ view }) => view.id === name && view.state !== "leaving");
}

function mayTake(member: Member, tried: readonly Member[], limits: Limits): boolean {
  return member.serving && member.inFlight < limits.maxInFlight && !tried.includes(member);
}

function isBetter(member: Member, best: Member, nowMs: number): boolean {
  const isOut = member.isOut(nowMs);
  if (isOut !== best.isOut(nowMs)) return !isOut;
  return member.inFlight / member.view.weight < best.inFlight / best.view.weight;
}
