/**
 * From a request to the member that gets it.
 *
 * The home member by placement, if it may have one more; else random jumps, then everybody in order.
 * When nobody may, somebody who serves gets it all the same (fail open), but never above the
 * concurrency limit. Undefined means that the request has to wait. For an elected service none of
 * that holds: its leader gets everything (`leader-route.ts`).
 *
 * Not admissible, in this order of telling: tried by this request already (`retried`), not serving
 * (`state`), refused a connect a moment ago (`refused`), too many faults in a row (`faults`), above
 * its concurrency or connection limit (`full`), warming up (`slow-start`), above its share of the
 * load (`load`).
 */
import { admissible, nextOwnerIndex, ownerIndex, ownerOfSeed512 } from "@prunella/core/ring";
import type { Limits } from "../limits.ts";
import type { DivertedLabel } from "../observation/service-counters.ts";
import { chooseLeader } from "./leader-route.ts";
import type { Member } from "./member.ts";
import type { RoutedRequest } from "./routed-request.ts";
import type { Service } from "./service.ts";
import { isSpared } from "./slow-start.ts";

const jumpsMax = 8;

export function choose(
  service: Service,
  request: RoutedRequest,
  limits: Limits,
  nowMs: number,
): Member | undefined {
  const { leaderRoute } = service;
  if (leaderRoute !== undefined) {
    return chooseLeader(service, leaderRoute, request, limits, nowMs);
  }
  if (service.servingCount === 0) return undefined;
  const home = homeOf(service, request);
  if (home === undefined) return failOpen(service, request, limits, nowMs);
  const obstacle = obstacleTo(service, home, request, limits, nowMs);
  if (obstacle === undefined) return home;
  request.diverted = obstacle;
  const other =
    service.placement === undefined
      ? clockwise(service, request, limits, nowMs)
      : jump(service, request, limits, nowMs);
  return other ?? failOpen(service, request, limits, nowMs);
}

function homeOf(service: Service, request: RoutedRequest): Member | undefined {
  if (service.placement !== undefined) {
    return service.placed[ownerIndex(service.placement, request.hash)];
  }
  if (service.seed512 === undefined) return undefined;
  const number = ownerOfSeed512(service.seed512, request.requestNumber);
  return number === undefined ? undefined : service.byNumber.get(number);
}

function obstacleTo(
  service: Service,
  member: Member,
  request: RoutedRequest,
  limits: Limits,
  nowMs: number,
): DivertedLabel | undefined {
  if (request.hasTried(member)) return "retried";
  if (!member.serving) return "state";
  if (nowMs < member.refusedUntilMs) return "refused";
  if (nowMs < member.ejectedUntilMs) return "faults";
  if (member.isFull(limits)) return "full";
  // The source's map has no load bound: it would hide what the experiments measure.
  if (service.placement === undefined || member.place < 0) return undefined;
  const { slowStartMs, loadBound } = service.rules;
  if (isSpared(member, request.hash, slowStartMs, nowMs)) return "slow-start";
  return admissible(service.load, member.place, loadBound) ? undefined : "load";
}

function jump(
  service: Service,
  request: RoutedRequest,
  limits: Limits,
  nowMs: number,
): Member | undefined {
  const { placement, placed } = service;
  if (placement === undefined) return undefined;
  for (let attempt = 1; attempt <= jumpsMax; attempt++) {
    const member = placed[nextOwnerIndex(placement, request.hash, attempt)];
    if (member !== undefined && isFree(service, member, request, limits, nowMs)) return member;
  }
  const first = request.hash >>> 0;
  for (let step = 0; step < placed.length; step++) {
    const member = placed[(first + step) % placed.length];
    if (member !== undefined && isFree(service, member, request, limits, nowMs)) return member;
  }
  return undefined;
}

/** The source's rule: on to the next server in the map, past those that cannot. */
function clockwise(
  service: Service,
  request: RoutedRequest,
  limits: Limits,
  nowMs: number,
): Member | undefined {
  const map = service.seed512;
  if (map === undefined) return undefined;
  const slotCount = map.slots.length;
  const hashed = map.requestHash(request.requestNumber, slotCount) % slotCount;
  const first = hashed < 0 ? hashed + slotCount : hashed;
  let passed = 0;
  for (let step = 0; step < slotCount; step++) {
    const number = map.slots[(first + step) % slotCount] ?? 0;
    if (number === 0 || number === passed) continue;
    passed = number;
    const member = service.byNumber.get(number);
    if (member !== undefined && isFree(service, member, request, limits, nowMs)) return member;
  }
  return undefined;
}

function isFree(
  service: Service,
  member: Member,
  request: RoutedRequest,
  limits: Limits,
  nowMs: number,
): boolean {
  return obstacleTo(service, member, request, limits, nowMs) === undefined;
}

/**
 * The least loaded one that serves and was not tried: first among those that are only over their
 * share, then among those that we had put out ourselves.
 */
function failOpen(
  service: Service,
  request: RoutedRequest,
  limits: Limits,
  nowMs: number,
): Member | undefined {
  let best: Member | undefined;
  let bestIsOut = true;
  for (const member of service.members) {
    if (!member.serving || member.isFull(limits) || request.hasTried(member)) continue;
    const isOut = member.isOut(nowMs);
    if (best !== undefined && !isBetter(member, isOut, best, bestIsOut)) continue;
    best = member;
    bestIsOut = isOut;
  }
  if (best !== undefined && bestIsOut) service.counters.failOpen += 1;
  return best;
}

function isBetter(member: Member, isOut: boolean, best: Member, bestIsOut: boolean): boolean {
  if (isOut !== bestIsOut) return !isOut;
  return member.inFlight / member.view.weight < best.inFlight / best.view.weight;
}
