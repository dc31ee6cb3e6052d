/**
 * From an accepted request to a member that works on it: choose, connect, send; and when that fails,
 * whether it may go to another one.
 *
 *   G8   No request that may not be repeated is sent to a second member after a byte of it was sent
 *        to a first, unless the first declared that it did nothing.
 *   G9   After the first byte of the response was given to the client, nothing is retried.
 *   G10  Retries that may cost work are paid from the budget of the service.
 *
 *   failure                                       idempotent         others
 *   no connection, nothing sent                   next, free         next, free
 *   refused by the member (421, 503 + Refused)    next, paid         next, paid
 *   closed before, or within a held response      next, paid         502, never again
 *   no response head within `tryTimeoutMs`        next, paid         504
 *   on a shared connection (pipeline.ts)
 *     it ended before the write                   next, free         never there
 *     it said close in an earlier answer          next, free         never there
 *     it failed at an earlier answer              next, paid         never there
 *     it kept the request waiting                 again, paid        never there
 *
 * With `retryUnsafe: "idempotency-key"` a request that carries that field counts as idempotent.
 *
 * What the leader of an elected service does to this is in `leader-answer.ts`.
 *
 * A request for which no member is left waits (`holdMs`), because the usual reason is a restart.
 */

import type { DiscardedLabel } from "../../observation/service-counters.ts";
import { type RefusalReason, refusal } from "../../refusals.ts";
import { choose } from "../../routing/admission.ts";
import type { FaultLabel, Member } from "../../routing/member.ts";
import { blame } from "../../routing/rotation.ts";
import type { Service } from "../../routing/service.ts";
import { refuse, refuseUnavailable } from "../answers/own-answer.ts";
import { writeWithTerm } from "../bytes/head-writing.ts";
import { breakOff, clearKept, cutUpstream, detach } from "../ending/conclusion.ts";
import { clientPhase, deadline, pauseFor } from "../state/client-connection.ts";
import type { CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";
import { UpstreamConnection, upstreamPhase } from "../state/upstream-connection.ts";
import { gather, mayShare, sendGathered } from "../upstream/pipeline.ts";
import { discard, takeIdle } from "../upstream/upstream-pool.ts";

/** Gives the request to a member, or lets it wait. */
export function dispatch(core: CoreState, exchange: Exchange): void {
  const { service } = exchange;
  if (service === undefined) return;
  const member = choose(service, exchange, service.rules.limits, core.nowMs);
  if (member === undefined) hold(core, service, exchange);
  else assign(core, service, exchange, member);
}

function assign(core: CoreState, service: Service, exchange: Exchange, member: Member): void {
  exchange.member = member;
  exchange.servedBy = member;
  exchange.attempts += 1;
  exchange.term = service.leaderRoute?.term ?? 0;
  service.began(member);
  const shares = mayShare(service, exchange, member, core.nowMs);
  if (shares && member.gathering !== undefined) {
    gather(core, exchange, member.gathering);
    return;
  }
  const upstream = takeIdle(member, !exchange.idempotent, core.nowMs);
  if (upstream === undefined) {
    open(core, service, exchange, member);
    return;
  }
  exchange.upstream = upstream;
  if (shares && upstream.shareable) gather(core, exchange, upstream);
  else send(core, exchange, upstream);
}

function open(core: CoreState, service: Service, exchange: Exchange, member: Member): void {
  const upstream = new UpstreamConnection(service, member);
  const { connectLocalMs, connectRemoteMs } = core.limits;
  upstream.connectUntilMs = core.nowMs + (member.isLocal ? connectLocalMs : connectRemoteMs);
  upstream.exchange = exchange;
  exchange.upstream = upstream;
  member.connectionCount += 1;
  core.connecting.add(upstream);
  upstream.link = core.connector.connect(upstream, member.host, member.port);
}

/** The connection is there: everything that came in so far goes out. */
export function send(core: CoreState, exchange: Exchange, upstream: UpstreamConnection): void {
  const { link } = upstream;
  const { kept, client } = exchange;
  upstream.beginExchange(exchange);
  exchange.sent = true;
  exchange.sentAtMs = core.nowMs;
  const wire = wireOf(core, exchange, upstream);
  let flows: boolean;
  if (kept.length === 0) {
    flows = link.write(wire);
  } else {
    link.cork();
    flows = link.write(wire);
    for (const piece of kept) flows = link.write(piece);
    link.uncork();
  }
  upstream.blocked = !flows;
  if (exchange.bodyComplete) return;
  if (exchange.keptBytes > core.limits.keptBytesMax) giveUpRepeating(core, exchange);
  if (!flows) client.pause(pauseFor.upstream);
  client.resume(pauseFor.kept);
  if (client.pauses === 0) client.wait(core.nowMs + core.limits.bodyMs, deadline.body);
}

/** A leader is told the term under which it is asked; a follower that passes it on knows its own. */
function wireOf(core: CoreState, exchange: Exchange, upstream: UpstreamConnection): Buffer {
  if (upstream.service.leaderRoute === undefined || exchange.asksFollower) return exchange.wire;
  return writeWithTerm(core.slab, exchange.wire, exchange.fieldsEndAt, exchange.term);
}

/** The body is too large to be kept: from now on there is one attempt. */
export function giveUpRepeating(core: CoreState, exchange: Exchange): void {
  exchange.whole = false;
  clearKept(core, exchange);
}

function hold(core: CoreState, service: Service, exchange: Exchange): void {
  const { limits } = service.rules;
  const bytes = exchange.wire.length + exchange.keptBytes;
  const isFull = service.waiting.length >= limits.heldMax;
  if (isFull || waitingBytes(service) + bytes > limits.heldBytesMax) {
    service.counters.heldRefused.add("full");
    refuseUnavailable(core, exchange, "queue-full");
    return;
  }
  exchange.isHeld = true;
  // One patience for the whole request, however often it comes back to wait.
  if (exchange.heldUntilMs === 0) {
    exchange.heldUntilMs = core.nowMs + limits.holdMs;
    exchange.askFollowersAtMs = core.nowMs + limits.leaderNewsMs;
  }
  service.waiting.push(exchange);
}

function waitingBytes(service: Service): number {
  let sum = 0;
  for (const { wire, keptBytes } of service.waiting) sum += wire.length + keptBytes;
  return sum;
}

/** Looks at the queue of a service again: after a view, when a member has room, and now and then. */
export function resumeWaiting(core: CoreState, service: Service): void {
  core.freed.delete(service);
  if (service.waiting.length === 0) return;
  const queue = service.waiting.splice(0);
  let stuck = 0;
  for (const exchange of queue) {
    if (!exchange.isHeld) continue;
    if (service.leaderRoute === undefined) forgive(exchange, core.nowMs);
    const member =
      stuck < stuckMax ? choose(service, exchange, service.rules.limits, core.nowMs) : undefined;
    if (member !== undefined) {
      exchange.isHeld = false;
      assign(core, service, exchange, member);
    } else if (core.nowMs >= exchange.heldUntilMs) {
      giveUpWaiting(core, service, exchange);
    } else {
      // One that needs a new term says nothing about those behind it.
      if (exchange.termMin === 0) stuck += 1;
      service.waiting.push(exchange);
    }
  }
}

/** So many in a row without a place: the rest will not find one either. */
const stuckMax = 32;

/** A member that is not out of rotation may be tried again: it restarted, or the fault has passed. */
function forgive(exchange: Exchange, nowMs: number): void {
  const { tried } = exchange;
  for (let index = tried.length - 1; index >= 0; index--) {
    if (tried[index]?.isOut(nowMs) !== true) tried.splice(index, 1);
  }
}

function giveUpWaiting(core: CoreState, service: Service, exchange: Exchange): void {
  exchange.isHeld = false;
  service.counters.heldRefused.add("late");
  refuseUnavailable(core, exchange, "unavailable");
}

/** The service is no longer in the view: whoever waits is told. */
export function refuseAllWaiting(core: CoreState, service: Service): void {
  for (const exchange of service.waiting.splice(0)) {
    exchange.isHeld = false;
    service.counters.heldRefused.add("gone");
    refuseUnavailable(core, exchange, "unavailable");
  }
}

/** A connection never came to be. Nothing was sent, so anybody may get the request. */
export function connectFailed(core: CoreState, upstream: UpstreamConnection): void {
  const { exchange, member, service } = upstream;
  core.connecting.delete(upstream);
  discard(upstream, "connect");
  if (member.current) member.refused(core.nowMs);
  if (exchange === undefined) return;
  detach(core, exchange);
  exchange.tried.push(member);
  exchange.connectCount += 1;
  if (exchange.connectCount > core.limits.connectsMax) {
    refuse(core, exchange.client, refusal["connect-failed"]);
    return;
  }
  service.counters.retries.add("free");
  dispatch(core, exchange);
}

export type Failure = {
  /** What happened to the connection, to the member's record, and what the client hears of it. */
  readonly discarded: DiscardedLabel;
  readonly fault: FaultLabel | undefined;
  readonly reason: RefusalReason;
  readonly mayRepeat: boolean;
};

export const closedBeforeResponse: Failure = {
  discarded: "broken",
  fault: "reset",
  reason: "outcome-unknown",
  mayRepeat: true,
};
export const malformedResponse: Failure = {
  discarded: "malformed",
  fault: "framing",
  reason: "bad-response",
  mayRepeat: false,
};
export const lateResponse: Failure = {
  discarded: "late",
  fault: "late",
  reason: "timeout",
  mayRepeat: false, // The time of all tries together is over.
};

/** One try took too long; there may be time for another. */
export const lateTry: Failure = {
  discarded: "late",
  fault: "late",
  reason: "timeout",
  mayRepeat: true,
};

/** The place in front belongs to a client that is gone, and its answer is too long to be read away. */
export const notWorthReading: Failure = {
  discarded: "aborted",
  fault: undefined,
  reason: "outcome-unknown",
  mayRepeat: true,
};

/** The exchange on this connection failed after bytes were sent, and with it those behind it. */
export function exchangeFailed(
  core: CoreState,
  upstream: UpstreamConnection,
  failure: Failure,
): void {
  const { exchange, member, service, follows } = upstream;
  const behind = upstream.line.splice(0);
  discard(upstream, failure.discarded);
  if (failure.fault !== undefined) blame(core, service, member, failure.fault);
  // What cannot be read behind an answer may be its surplus, and says nothing of this request.
  const repeats = failure.mayRepeat || (follows && failure === malformedResponse);
  if (exchange !== undefined) fail(core, exchange, member, failure.reason, repeats);
  failBehind(core, behind, member);
}

/** The connection cannot be read any further; the exchange in front of its line was taken away. */
export function giveUpLine(
  core: CoreState,
  upstream: UpstreamConnection,
  why: DiscardedLabel,
): void {
  const behind = upstream.line.splice(0);
  discard(upstream, why);
  failBehind(core, behind, upstream.member);
}

function failBehind(core: CoreState, line: readonly Exchange[], member: Member): void {
  for (const exchange of line) {
    fail(core, exchange, member, closedBeforeResponse.reason, true);
    core.unsettled.push(exchange.client);
  }
}

function fail(
  core: CoreState,
  exchange: Exchange,
  member: Member,
  reason: RefusalReason,
  repeats: boolean,
): void {
  const { service } = exchange;
  detach(core, exchange);
  if (exchange.vacant || service === undefined) return;
  if (exchange.given) {
    breakOff(core, exchange, reason);
  } else if (repeats && mayRepeat(core, service, exchange, exchange.idempotent)) {
    repeat(core, exchange, member);
  } else if (repeats && mayFollowLeader(core, service, exchange)) {
    exchange.termMin = exchange.term + 1;
    sendAgain(core, exchange);
  } else {
    refuse(core, exchange.client, refusal[reason]);
  }
}

/** The connection has ended before anything that it had gathered was sent: anybody may get that. */
export function scatter(core: CoreState, upstream: UpstreamConnection, why: DiscardedLabel): void {
  const line = upstream.line.splice(0);
  discard(upstream, why);
  sendElsewhere(core, line);
}

/** Requests that the member has not begun, and will not on their connection. */
export function sendElsewhere(core: CoreState, line: readonly Exchange[]): void {
  for (const exchange of line) {
    detach(core, exchange);
    if (exchange.vacant) continue;
    exchange.service?.counters.retries.add("free");
    exchange.alone = true;
    sendAgain(core, exchange);
    core.unsettled.push(exchange.client);
  }
}

/** It waited behind others for too long. The member is not to blame, so it may get it once more. */
export function moveOn(core: CoreState, exchange: Exchange): void {
  const { service } = exchange;
  exchange.alone = true; // Asked once: without budget it stays where it is.
  if (service === undefined || !mayRepeat(core, service, exchange, true)) return;
  cutUpstream(core, exchange, "late");
  exchange.retryCount += 1;
  sendAgain(core, exchange);
}

/** One write for all that a connection has gathered in this turn. */
export function flush(core: CoreState): void {
  const { gathering } = core;
  for (const upstream of gathering) {
    if (upstream.phase !== upstreamPhase.gathering) continue;
    // A fault was seen since: the first goes out alone.
    const isBanned = core.nowMs < upstream.member.shareAgainAtMs;
    const others = isBanned ? upstream.line.splice(1) : [];
    sendGathered(core, upstream);
    sendElsewhere(core, others);
  }
  gathering.length = 0;
}

/** The member declared that it did nothing. True when the request went on to another one. */
export function repeatRefused(core: CoreState, upstream: UpstreamConnection): boolean {
  const { exchange, member, service } = upstream;
  if (exchange === undefined || exchange.vacant || !exchange.bodyComplete) return false;
  if (!hasOther(service, exchange, member, core.nowMs)) return false;
  if (!mayRepeat(core, service, exchange, true)) return false;
  detach(core, exchange);
  giveUpLine(core, upstream, "refused");
  repeat(core, exchange, member);
  return true;
}

function hasOther(service: Service, exchange: Exchange, member: Member, nowMs: number): boolean {
  return service.members.some(
    (other) =>
      other !== member && other.serving && !other.isOut(nowMs) && !exchange.hasTried(other),
  );
}

function mayRepeat(
  core: CoreState,
  service: Service,
  exchange: Exchange,
  isHarmless: boolean,
): boolean {
  const { retries } = service.counters;
  if (!isHarmless || !exchange.whole) {
    retries.add("unsafe");
    return false;
  }
  if (exchange.client.phase !== clientPhase.exchange) return false;
  if (exchange.retryCount >= core.limits.retriesMax || !service.budget.spend(core.nowMs)) {
    retries.add("exhausted");
    return false;
  }
  retries.add("spent");
  return true;
}

function repeat(core: CoreState, exchange: Exchange, member: Member): void {
  exchange.retryCount += 1;
  exchange.alone = true;
  exchange.tried.push(member);
  sendAgain(core, exchange);
}

/**
 * The leader of another term may get it. That is no retry and costs nothing: terms are rare, and each
 * gives a request one chance.
 */
export function mayFollowLeader(core: CoreState, service: Service, exchange: Exchange): boolean {
  if (service.leaderRoute === undefined || core.draining) return false;
  return exchange.idempotent && exchange.whole && exchange.client.phase === clientPhase.exchange;
}

export function sendAgain(core: CoreState, exchange: Exchange): void {
  exchange.sent = false;
  dispatch(core, exchange);
}
