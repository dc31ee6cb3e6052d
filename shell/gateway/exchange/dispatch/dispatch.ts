/**
 * From an accepted request to a member that works on it: choose, connect, send. What happens when that
 * fails is in `failures.ts`, what the leader of an elected service does to it in `leader-answer.ts`.
 */

import { choose } from "../../routing/admission.ts";
import type { Member } from "../../routing/member.ts";
import type { Service } from "../../routing/service.ts";
import { writeWithTerm } from "../bytes/head-writing.ts";
import { clearKept } from "../ending/conclusion.ts";
import { deadline, pauseFor } from "../state/client-connection.ts";
import type { CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";
import { UpstreamConnection } from "../state/upstream-connection.ts";
import { gather, mayShare } from "../upstream/pipeline.ts";
import { takeIdle } from "../upstream/upstream-pool.ts";
import { giveUpWaiting, hold } from "./waiting.ts";

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

export function sendAgain(core: CoreState, exchange: Exchange): void {
  exchange.sent = false;
  exchange.lastWordUntilMs = 0;
  dispatch(core, exchange);
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
