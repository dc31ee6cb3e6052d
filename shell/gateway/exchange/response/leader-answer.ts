/**
 * What the term of a leader does to requests that are under way: an answer that was given under a
 * term which is no longer the highest reaches nobody.
 *
 *   G12  A response head is forwarded on a leader route only if its exchange's term is the highest
 *        seen at that moment.
 *
 *   at a new term, the exchange has                     idempotent            others
 *   no connection yet                                   to the new leader     to the new leader
 *   been sent, nothing of the answer given              to the new leader     the last word
 *   part of the answer given, or a tunnel               cut; not with `finishStarted` (tunnels always)
 *
 * The last word: for `lastWordMs` the old leader may still declare that it never began, and then the
 * request goes to the new leader. Whatever else it says, or if it says nothing: 503 leader-changed.
 *
 * An answer that names a lower term than the known one is dropped in the same way. One that names a
 * higher term is served, because it is not stale, and a fresh view is asked for; but only views move
 * the route. 421, and 503 with `Prunella-Refused`, say that nothing was done: the request waits for
 * whoever leads, whatever its method. A leader that refused is left alone for a moment and each
 * follower is asked once in a while, so the patience of a waiting request (`holdMs`) bounds all that.
 */
import type { ResponseHead } from "../../parser/index.ts";
import { refusal } from "../../refusals.ts";
import type { LeaderRoute } from "../../routing/leader-route.ts";
import type { Service } from "../../routing/service.ts";
import { refuse } from "../answers/own-answer.ts";
import { sendAgain } from "../dispatch/dispatch.ts";
import { mayFollowLeader } from "../dispatch/failures.ts";
import { breakOff, cutUpstream } from "../ending/conclusion.ts";
import { closeTunnel } from "../ending/tunnel.ts";
import { type ClientConnection, clientPhase } from "../state/client-connection.ts";
import type { CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";
import { type UpstreamConnection, upstreamPhase } from "../state/upstream-connection.ts";

/** A head has come on a leader route. True when it is not for the client, and all is done about it. */
export function withholdHead(
  core: CoreState,
  upstream: UpstreamConnection,
  route: LeaderRoute,
  head: ResponseHead,
): boolean {
  const { exchange, service } = upstream;
  if (exchange === undefined) return true;
  // An early word of somebody who was asked to pass the request on proves nothing and harms nothing.
  if (exchange.asksFollower && head.status < 200 && head.status !== 101) return true;
  if (isCurrent(route, exchange, head)) {
    if (head.term > route.term) tellBehind(core, service, route, exchange, head.term);
    return false;
  }
  service.counters.staleAnswersDropped += 1;
  if (exchange.term === route.term && !exchange.asksFollower) route.doubt(core.nowMs);
  exchange.tried.push(upstream.member);
  takeBack(core, service, exchange);
  return true;
}

function isCurrent(route: LeaderRoute, exchange: Exchange, head: ResponseHead): boolean {
  if (exchange.asksFollower) {
    if (head.term < route.term || head.term <= 0) return false;
    exchange.term = head.term;
    return true;
  }
  return exchange.term === route.term && (head.term < 0 || head.term >= route.term);
}

function tellBehind(
  core: CoreState,
  service: Service,
  route: LeaderRoute,
  exchange: Exchange,
  term: number,
): void {
  if (exchange.asksFollower) route.heard(term);
  core.report({
    type: "view-behind",
    service: service.name,
    member: exchange.servedBy?.view.id,
    message: `${service.name} answers under term ${term}, and the newest view knows ${route.term}. Requests find the leader by way of its followers until a view names it; look whether the agent runs.`,
  });
}

/** The member said that it did nothing. True when the request waits for the leader, or was answered. */
export function leaderRefused(
  core: CoreState,
  upstream: UpstreamConnection,
  route: LeaderRoute,
): boolean {
  const { exchange, service } = upstream;
  if (exchange === undefined) return false;
  if (!exchange.asksFollower && exchange.term === route.term) route.doubt(core.nowMs);
  exchange.tried.push(upstream.member);
  if (!exchange.whole) {
    refuse(core, exchange.client, refusal.unavailable);
    return true;
  }
  cutUpstream(core, exchange, "refused");
  service.counters.retries.add("free");
  sendAgain(core, exchange);
  return true;
}

/** Somebody waits for what the leader that hands over has still to say. */
export function owesAnswers(core: CoreState, service: Service, route: LeaderRoute): boolean {
  return core.clients.some(({ phase, exchange }) => {
    const { active, upstream, term, asksFollower } = exchange;
    if (!active || exchange.service !== service || upstream === undefined) return false;
    if (phase === clientPhase.tunnel || upstream.phase === upstreamPhase.connecting) return false;
    return term === route.term && !asksFollower;
  });
}

/** A term has begun: nothing that was asked under a lower one goes on. */
export function endLowerTerms(core: CoreState, service: Service, route: LeaderRoute): void {
  for (const client of [...core.clients]) {
    const { exchange } = client;
    if (!exchange.active || exchange.service !== service) continue;
    if (exchange.isHeld) {
      exchange.clearTried();
      exchange.askFollowersAtMs = core.nowMs + core.limits.leaderNewsMs;
    } else if (exchange.upstream !== undefined && exchange.term < route.term) {
      endLowerTerm(core, service, client, exchange.upstream);
    }
  }
}

function endLowerTerm(
  core: CoreState,
  service: Service,
  client: ClientConnection,
  upstream: UpstreamConnection,
): void {
  const { exchange } = client;
  if (client.phase === clientPhase.tunnel) {
    closeTunnel(core, client, "leader");
  } else if (upstream.phase === upstreamPhase.connecting) {
    cutUpstream(core, exchange, "leader");
    service.counters.retries.add("free");
    sendAgain(core, exchange);
  } else if (exchange.given) {
    if (service.view.finishStarted === true) {
      upstream.keepAlive = false;
      return;
    }
    cutUpstream(core, exchange, "leader");
    breakOff(core, exchange, "leader-changed");
  } else if (upstream.phase === upstreamPhase.body) {
    service.counters.staleAnswersDropped += 1;
    takeBack(core, service, exchange);
  } else if (!exchange.asksFollower) {
    if (mayHearLastWord(exchange)) exchange.lastWordUntilMs = core.nowMs + core.limits.lastWordMs;
    else takeBack(core, service, exchange); // What a follower says is judged when it says it.
  }
}

/** Idempotent ones go on at once; of the others only those that could still be sent elsewhere wait. */
function mayHearLastWord({ idempotent, whole, bodyComplete }: Exchange): boolean {
  return !idempotent && whole && bodyComplete;
}

/** It said nothing: nobody knows what it did. */
export function lastWordMissed(core: CoreState, exchange: Exchange): void {
  const { service } = exchange;
  if (service !== undefined) takeBack(core, service, exchange);
}

/** Nobody gets the answer: the request goes to whoever leads now, if it may be sent twice. */
function takeBack(core: CoreState, service: Service, exchange: Exchange): void {
  cutUpstream(core, exchange, "leader");
  if (mayFollowLeader(core, service, exchange)) {
    service.counters.retries.add("term");
    sendAgain(core, exchange);
  } else {
    service.counters.retries.add("unsafe");
    refuse(core, exchange.client, refusal["leader-changed"]);
  }
}
