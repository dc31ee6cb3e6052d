/**
 * When the requests that a connection has gathered leave (`pipeline.ts`): at the end of the turn, unless
 * others are under way to the same member. Then they leave together with what comes until those are
 * home, at the latest after `upstreamGatherMs`. So the answers of a quick member set the pace, as the
 * acknowledgements do in Nagle's algorithm (RFC 896), and more requests share a write and a read.
 *
 * What that may cost a request is bounded twice: by the time, and by the member, which must have had
 * all answers to its last line within that same time. Whoever answers later is waited for by nobody.
 */
import type { Member } from "../../routing/member.ts";
import type { CoreState } from "../state/core-state.ts";
import type { UpstreamConnection } from "../state/upstream-connection.ts";

export function waitsForMore(core: CoreState, upstream: UpstreamConnection): boolean {
  const { line, member } = upstream;
  if (member.linesUnderWay === 0 || !member.answersSoon) return false;
  if (line.length === 0 || line.length >= core.limits.upstreamPipelineMax) return false;
  return member.shareAgainAtMs <= core.nowMs && core.nowMs < upstream.gatherUntilMs;
}

/** All answers of a line are there: what has gathered meanwhile may leave. */
export function lineIsHome(core: CoreState, member: Member): void {
  if (member.gathering !== undefined && member.linesUnderWay === 0) askForFlush(core);
}

export function askForFlush(core: CoreState): void {
  if (core.flushIsAsked) return;
  core.flushIsAsked = true;
  core.connector.flushSoon();
}
