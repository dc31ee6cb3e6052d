/**
 * What failed on its way to a member or back, and whether it may go to another one.
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
 */

import type { DiscardedLabel } from "../../observation/service-counters.ts";
import { type RefusalReason, refusal } from "../../refusals.ts";
import type { FaultLabel, Member } from "../../routing/member.ts";
import { blame } from "../../routing/rotation.ts";
import type { Service } from "../../routing/service.ts";
import { refuse } from "../answers/own-answer.ts";
import { breakOff, detach } from "../ending/conclusion.ts";
import { clientPhase } from "../state/client-connection.ts";
import type { CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";
import type { UpstreamConnection } from "../state/upstream-connection.ts";
import { discard } from "../upstream/upstream-pool.ts";
import { dispatch, sendAgain } from "./dispatch.ts";

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

export function mayRepeat(
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
