/**
 * The end of an exchange: give the member free, count, log, and say what the client connection does
 * next. Every exchange passes here exactly once.
 */

import type { DiscardedLabel } from "../../observation/service-counters.ts";
import { noBytes } from "../bytes/byte-queue.ts";
import {
  type ClientConnection,
  clientPhase,
  deadline,
  pauseFor,
} from "../state/client-connection.ts";
import type { ClosedLabel, CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";
import { leaveLine } from "../upstream/pipeline.ts";
import { discard } from "../upstream/upstream-pool.ts";

/** Takes the request away from the member that has it. The caller decides about the connection. */
export function detach(core: CoreState, exchange: Exchange): void {
  const { service, member, upstream, client } = exchange;
  if (upstream !== undefined) {
    if (upstream.exchange === exchange) upstream.exchange = undefined;
    exchange.upstream = undefined;
    client.resume(pauseFor.upstream); // Whoever was too slow is no longer our concern.
  }
  if (service === undefined || member === undefined) return;
  exchange.member = undefined;
  service.ended(member);
  const isAwaited = (service.leaderRoute?.lastWordUntilMs ?? 0) > 0;
  if (service.waiting.length > 0 || isAwaited) core.freed.add(service);
}

/**
 * As `detach`, and the connection to the member is destroyed: it never sees a short valid request.
 * Unless others wait for their answers on it: then only the place in the line is given up.
 */
export function cutUpstream(core: CoreState, exchange: Exchange, why: DiscardedLabel): void {
  const { upstream } = exchange;
  const isShared = upstream !== undefined && leaveLine(upstream, exchange);
  detach(core, exchange);
  if (upstream === undefined || isShared) return;
  core.connecting.delete(upstream);
  discard(upstream, why);
}

export function clearKept(core: CoreState, exchange: Exchange): void {
  core.keptBytesTotal -= exchange.keptBytes;
  exchange.keptBytes = 0;
  if (exchange.kept.length > 0) exchange.kept.length = 0;
}

/** The client gets the response now: nothing of the request is needed any more (G9). */
export function giveAway(core: CoreState, exchange: Exchange): void {
  exchange.given = true;
  exchange.wire = noBytes;
  clearKept(core, exchange);
}

/** Leaves the queue of those that wait for a member. */
export function stopWaiting(exchange: Exchange): void {
  const { service } = exchange;
  if (!exchange.isHeld || service === undefined) return;
  exchange.isHeld = false;
  const index = service.waiting.indexOf(exchange);
  if (index >= 0) service.waiting.splice(index, 1);
}

/** Counts and logs. Upstream and member must have been given up by now. */
export function conclude(core: CoreState, exchange: Exchange): void {
  exchange.active = false;
  clearKept(core, exchange);
  exchange.wire = noBytes;
  const { service, status } = exchange;
  if (service !== undefined) {
    const { counters } = service;
    const statusClass = Math.floor(status / 100);
    counters.classes[statusClass] = (counters.classes[statusClass] ?? 0) + 1;
    counters.duration.add(core.nowMs - exchange.startedAtMs);
    if (exchange.diverted !== undefined) counters.diverted.add(exchange.diverted);
  }
  if (core.options.accessLog !== undefined) log(core, exchange);
}

function log(core: CoreState, exchange: Exchange): void {
  core.options.accessLog?.({
    atMs: Date.now(),
    requestId: exchange.requestId,
    client: exchange.clientAddress,
    method: exchange.methodText,
    target: exchange.target,
    status: exchange.status,
    bytesIn: exchange.bytesIn,
    bytesOut: exchange.bytesOut,
    durationMs: core.nowMs - exchange.startedAtMs,
    service: exchange.service?.name,
    member: exchange.servedBy?.view.id,
    attempts: exchange.attempts,
    diverted: exchange.diverted,
    reason: exchange.reason,
  });
}

/** After a complete answer: the next request, or the end of the connection. */
export function goOn(core: CoreState, client: ClientConnection): void {
  const { exchange } = client;
  // A client that said FIN gets the answers to what it sent before, and then our FIN.
  const isLast = client.ended && client.pending.length === 0;
  if (isLast || !exchange.keepAlive || !exchange.bodyComplete || core.draining) {
    linger(core, client);
    return;
  }
  client.phase = clientPhase.head;
  client.resume(pauseFor.kept | pauseFor.buffers | pauseFor.discarded);
  client.idleSinceMs = core.nowMs;
  if (client.blocked) client.wait(core.nowMs + core.limits.slowReaderMs, deadline.slowReader);
  else client.wait(core.nowMs + core.limits.idleMs, deadline.idle);
}

/**
 * Closes in two steps (RFC 9112, section 9.6): our FIN first, then discard what still comes for a
 * moment. Closing at once would reset the connection, and the reset may erase the answer.
 */
export function linger(core: CoreState, client: ClientConnection): void {
  client.phase = clientPhase.linger;
  client.lingerBytes = 0;
  client.pending.clear();
  client.headBytes.clear();
  client.resume(client.pauses);
  client.wait(core.nowMs + core.limits.lingerMs, deadline.linger);
  client.link.end();
}

/** Closes now. For idle connections, for the end of lingering, and for clients that are gone. */
export function drop(
  core: CoreState,
  client: ClientConnection,
  why: ClosedLabel | undefined,
): void {
  if (client.phase === clientPhase.closed) return;
  if (why !== undefined) core.closed.add(why);
  const { link } = client;
  forget(core, client);
  link.destroy();
}

/** Takes the connection out of the books. */
function forget(core: CoreState, client: ClientConnection): void {
  client.phase = clientPhase.closed;
  client.pending.clear();
  client.headBytes.clear();
  const last = core.clients.pop();
  if (last !== undefined && last !== client) {
    core.clients[client.index] = last;
    last.index = client.index;
  }
  client.index = -1;
  const others = (core.clientsByAddress.get(client.address) ?? 1) - 1;
  if (others > 0) core.clientsByAddress.set(client.address, others);
  else core.clientsByAddress.delete(client.address);
}

/**
 * The response cannot be completed: it must look broken (G7). A length or a missing last chunk shows
 * that by itself; where the end of the connection is the end of the answer, only a reset does.
 */
export function breakOff(core: CoreState, exchange: Exchange, reason: string): void {
  const { client, service } = exchange;
  exchange.reason = reason;
  if (service !== undefined) service.counters.brokenResponses += 1;
  conclude(core, exchange);
  const { link } = client;
  core.closed.add("broken");
  forget(core, client);
  if (exchange.closeDelimited) link.resetAndDestroy();
  else link.destroy();
}

/** The client is gone, or did something that deserves no answer. */
export function abandon(
  core: CoreState,
  client: ClientConnection,
  why: ClosedLabel | undefined,
): void {
  const { exchange } = client;
  if (exchange.active) {
    stopWaiting(exchange);
    cutUpstream(core, exchange, "aborted");
    if (exchange.service !== undefined) exchange.service.counters.clientAborts += 1;
    exchange.reason = why ?? "client-gone";
    if (!exchange.given) exchange.status = 0; // Whatever a member said, the client did not get it.
    conclude(core, exchange);
  }
  drop(core, client, why);
}
