/**
 * Several requests under way on one connection to a member (RFC 9112, section 9.3.2), for services
 * that say `pipelining: "safe"`. What it gains: the requests that many clients send in one turn of the
 * event loop leave as one write per connection, and their answers come back in one read.
 *
 *   G21  Only GET and HEAD without a body share a connection, at most `upstreamPipelineMax` of them,
 *        and their answers are matched strictly in the order in which they were sent.
 *   G22  A connection that shows a framing fault fails all its exchanges, and its member gets one
 *        request at a time per connection for the next 60 s.
 *
 * Only an idle connection gathers: one that has answered before, whose last answer was small and left
 * it open. It takes what comes for its member, up to the limit and as long as `gathering.ts` says; then
 * comes the write, and nothing joins until all is answered. So a request never queues behind one that
 * was sent before it, and with one request at a time this costs nothing.
 *
 * Behind a slow answer or a slow reader:
 *   - An answer up to 16 KiB is held until it is whole and leaves as one write. A client that does not
 *     take it has it in its own socket, gets no further one, and stops nobody.
 *   - Behind an answer that streams, or does not come, others wait `upstreamPipelineMs`, then go to
 *     another connection, paid from the retry budget; without budget they stay. Afterwards the
 *     connection shares again only when its last answer was small.
 *   - Who leaves (gone, late, moved) leaves a vacant place. Its answer is read and thrown away up to
 *     64 KiB, beyond which the connection is closed. It is closed as well when only vacant places are left.
 *
 * What no rule here can notice: a member that answers one request twice with well-formed answers, and
 * another one not at all. That is what "safe" promises, and why this is off unless the cluster file says so.
 */
import { methodCode } from "../../parser/index.ts";
import type { Member } from "../../routing/member.ts";
import type { Service } from "../../routing/service.ts";
import { ClientConnection } from "../state/client-connection.ts";
import type { CoreState } from "../state/core-state.ts";
import { type Exchange, requestBody } from "../state/exchange.ts";
import { type UpstreamConnection, upstreamPhase } from "../state/upstream-connection.ts";
import { askForFlush, waitsForMore } from "./gathering.ts";
import { discard } from "./upstream-pool.ts";

export function mayShare(
  service: Service,
  exchange: Exchange,
  member: Member,
  nowMs: number,
): boolean {
  if (!service.pipelines || exchange.alone || nowMs < member.shareAgainAtMs) return false;
  const { method, bodyKind, wantsUpgrade } = exchange;
  if (method !== methodCode.get && method !== methodCode.head) return false;
  return bodyKind === requestBody.none && !wantsUpgrade;
}

/** Joins the line of a connection that is idle but for those who joined before. */
export function gather(core: CoreState, exchange: Exchange, upstream: UpstreamConnection): void {
  const { line, member } = upstream;
  const { upstreamPipelineMax, upstreamGatherMs } = core.limits;
  exchange.upstream = upstream;
  line.push(exchange);
  if (line.length === 1) {
    upstream.phase = upstreamPhase.gathering;
    upstream.gatherUntilMs = core.nowMs + upstreamGatherMs;
    core.gathering.push(upstream);
    if (waitsForMore(core, upstream)) core.connector.flushWithin(upstreamGatherMs);
    else askForFlush(core);
  }
  const isFull = line.length >= upstreamPipelineMax;
  member.gathering = isFull ? undefined : upstream;
  if (isFull) askForFlush(core);
}

/** Writes all that was gathered, and begins to wait for the first answer. */
export function sendGathered(core: CoreState, upstream: UpstreamConnection): void {
  const { line, member } = upstream;
  if (member.gathering === upstream) member.gathering = undefined;
  const bytes = wireOf(core, line);
  for (const exchange of line) {
    exchange.sent = true;
    exchange.sentAtMs = core.nowMs;
  }
  const first = line.shift();
  if (first === undefined) {
    discard(upstream, "aborted");
    return;
  }
  upstream.service.counters.pipelined += line.length;
  upstream.isUnderWay = true;
  upstream.lineSentAtMs = core.nowMs;
  member.linesUnderWay += 1;
  upstream.beginExchange(first);
  upstream.blocked = !upstream.link.write(bytes);
}

/** One after the other; copied together, because that is cheaper than a write of several buffers. */
function wireOf({ slab }: CoreState, line: readonly Exchange[]): Uint8Array {
  const [first] = line;
  if (first !== undefined && line.length === 1) return first.wire;
  let size = 0;
  for (const { wire } of line) size += wire.length;
  slab.reserve(size);
  const start = slab.at;
  for (const { wire } of line) slab.putAll(wire);
  return slab.view(start);
}

/** The answer in front is complete: the next one is due. What came behind it is its beginning. */
export function advance(upstream: UpstreamConnection): void {
  const { line } = upstream;
  const next = line.shift();
  if (next === undefined) return;
  if (next.vacant && line.every(({ vacant }) => vacant)) {
    line.length = 0;
    discard(upstream, "aborted");
    return;
  }
  letFlow(upstream);
  upstream.beginExchange(next);
  upstream.follows = true;
  upstream.nextAt = upstream.takenTo;
}

/** It cannot answer what is not completely sent: this answer belongs to something else. */
export function answersAhead({ line, link }: UpstreamConnection): boolean {
  let unsentBytes = link.writableLength;
  if (unsentBytes === 0) return false;
  for (const { wire } of line) unsentBytes -= wire.length;
  return unsentBytes > 0;
}

/**
 * Takes the exchange out of a connection that others need; false when there are none, and the
 * connection may be destroyed.
 */
export function leaveLine(upstream: UpstreamConnection, exchange: Exchange): boolean {
  const { line } = upstream;
  const place = line.indexOf(exchange);
  if (upstream.phase === upstreamPhase.gathering) {
    if (place >= 0) line.splice(place, 1);
    return true; // With nobody left it is closed by the flush.
  }
  const first = upstream.exchange;
  const isNeeded = (other: Exchange): boolean => other !== exchange && !other.vacant;
  if (!line.some(isNeeded) && (first === undefined || !isNeeded(first))) {
    line.length = 0;
    return false;
  }
  const vacancy = vacancyOf(exchange);
  vacancy.upstream = upstream;
  if (place >= 0) line[place] = vacancy;
  else {
    upstream.exchange = vacancy;
    letFlow(upstream);
  }
  return true;
}

/** Enough of the exchange to read its answer, and nobody who gets it. */
function vacancyOf(exchange: Exchange): Exchange {
  const { address, isTrusted, forwarded, limits } = exchange.client;
  const { exchange: vacancy } = new ClientConnection(address, isTrusted, forwarded, limits, 0);
  vacancy.vacant = true;
  vacancy.method = exchange.method;
  vacancy.idempotent = true;
  vacancy.minorVersion = exchange.minorVersion;
  vacancy.wire = exchange.wire;
  return vacancy;
}

/** The client that could not keep up has its answer, or has left. */
function letFlow(upstream: UpstreamConnection): void {
  if (!upstream.paused) return;
  upstream.paused = false;
  upstream.link.resume();
}

/** True for one that was sent before `sinceMs`, still has somebody in front, and may move once. */
export function waitsInLine(exchange: Exchange, sinceMs: number): boolean {
  const { upstream } = exchange;
  if (upstream === undefined || upstream.exchange === exchange) return false;
  return exchange.sent && !exchange.alone && exchange.sentAtMs < sinceMs;
}
