/**
 * Connections to a member: which one a request gets, and which one may be used again.
 *
 * Invariant:
 *   G4  A connection is used again only after a complete response to a completely sent request, with
 *       no surplus byte, when neither side asked for its end and the member still takes traffic.
 *
 * Idle connections are a stack: the warmest is on top and the rest age out. We close them before the
 * member does (4 s, or its own `Keep-Alive: timeout` less a second), because a close at the moment of
 * reuse costs a retry, or an error where a retry is forbidden.
 */
import type { Limits } from "../../limits.ts";
import type { DiscardedLabel } from "../../observation/service-counters.ts";
import type { Member } from "../../routing/member.ts";
import { endedLink, type Link } from "../state/transport.ts";
import { type UpstreamConnection, upstreamPhase } from "../state/upstream-connection.ts";

/** A connection used within that time has hardly been closed by the other side. */
const freshMs = 1_000;
/** Be a second earlier than the member. */
const headStartMs = 1_000;

/**
 * @param fresh - For requests that must not be sent twice: only a connection used a moment ago. The
 *   top of the stack is the freshest, so one look is enough.
 */
export function takeIdle(
  member: Member,
  fresh: boolean,
  nowMs: number,
): UpstreamConnection | undefined {
  const top = member.idle.at(-1);
  if (top === undefined || nowMs >= top.idleUntilMs) return undefined;
  if (fresh && nowMs - top.lastUsedAtMs > freshMs) return undefined;
  member.idle.pop();
  return top;
}

/** After a complete exchange. The caller has cleared `exchange`. */
export function giveBack(upstream: UpstreamConnection, limits: Limits, nowMs: number): void {
  const { member } = upstream;
  if (upstream.isUnderWay) {
    endLine(upstream);
    member.answersSoon = nowMs - upstream.lineSentAtMs <= limits.upstreamGatherMs;
  }
  const idleMs = Math.min(limits.upstreamIdleMs, announcedMs(upstream));
  const obstacle = obstacleToReuse(upstream, limits, idleMs);
  if (obstacle !== undefined) {
    discard(upstream, obstacle);
    return;
  }
  if (upstream.paused) {
    upstream.paused = false;
    upstream.link.resume();
  }
  upstream.phase = upstreamPhase.idle;
  upstream.lastUsedAtMs = nowMs;
  upstream.idleUntilMs = nowMs + idleMs;
  member.idle.push(upstream);
}

function endLine(upstream: UpstreamConnection): void {
  upstream.isUnderWay = false;
  upstream.member.linesUnderWay -= 1;
}

function obstacleToReuse(
  upstream: UpstreamConnection,
  limits: Limits,
  idleMs: number,
): DiscardedLabel | undefined {
  const { member } = upstream;
  if (!upstream.keepAlive || upstream.ended || idleMs <= 0) return "closed";
  // It answered before it took the whole request from us.
  if (upstream.link.writableLength > 0) return "early";
  if (!member.serving || !member.current) return "gone";
  return member.idle.length >= limits.upstreamIdleMax ? "idle" : undefined;
}

/** How long the member said that it would wait, less our head start. */
function announcedMs(upstream: UpstreamConnection): number {
  if (upstream.keepAliveSeconds < 0) return Number.POSITIVE_INFINITY;
  return upstream.keepAliveSeconds * 1_000 - headStartMs;
}

/** Ends a connection for good. The member sees an abort, never a short valid request. */
export function discard(upstream: UpstreamConnection, why: DiscardedLabel): void {
  if (upstream.phase === upstreamPhase.closed) return;
  const { member, link } = upstream;
  if (upstream.isUnderWay) endLine(upstream);
  if (upstream.phase === upstreamPhase.idle) {
    const index = member.idle.lastIndexOf(upstream);
    if (index >= 0) member.idle.splice(index, 1);
  }
  if (member.gathering === upstream) member.gathering = undefined;
  upstream.phase = upstreamPhase.closed;
  upstream.exchange = undefined;
  upstream.held = undefined;
  upstream.headBytes.clear();
  upstream.link = endedLink;
  member.connectionCount -= 1;
  upstream.service.counters.discarded.add(why);
  link.destroy();
}

/**
 * Both sides of a tunnel have said FIN, but the member has not taken everything yet. The connection
 * ends by itself when it has; `finishing` makes sure that it ends.
 */
export function finish(
  upstream: UpstreamConnection,
  finishing: Map<Link, number>,
  untilMs: number,
): void {
  const { link } = upstream;
  upstream.link = endedLink;
  discard(upstream, "tunnel");
  finishing.set(link, untilMs);
}

/** Those that nobody used in time. The stack is in order of use only if all have the same patience. */
export function closeExpired(member: Member, nowMs: number): void {
  for (let index = member.idle.length - 1; index >= 0; index--) {
    const upstream = member.idle[index];
    if (upstream !== undefined && nowMs >= upstream.idleUntilMs) discard(upstream, "idle");
  }
}

export function closeIdle(member: Member): void {
  for (const upstream of [...member.idle]) discard(upstream, "gone");
}
