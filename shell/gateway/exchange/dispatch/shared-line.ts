/**
 * Requests that share a connection to a member (`pipeline.ts`): their one write, and what becomes of
 * those that their connection will not serve.
 */

import type { DiscardedLabel } from "../../observation/service-counters.ts";
import { cutUpstream, detach } from "../ending/conclusion.ts";
import type { CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";
import { type UpstreamConnection, upstreamPhase } from "../state/upstream-connection.ts";
import { waitsForMore } from "../upstream/gathering.ts";
import { sendGathered } from "../upstream/pipeline.ts";
import { discard } from "../upstream/upstream-pool.ts";
import { sendAgain } from "./dispatch.ts";
import { mayRepeat } from "./failures.ts";

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

/** One write for all that a connection has gathered, unless it waits for more. */
export function flush(core: CoreState): void {
  const { gathering } = core;
  core.flushIsAsked = false;
  let waiting = 0;
  for (const upstream of gathering) {
    if (upstream.phase !== upstreamPhase.gathering) continue;
    if (waitsForMore(core, upstream)) {
      gathering[waiting++] = upstream;
      continue;
    }
    // A fault was seen since: the first goes out alone.
    const isBanned = core.nowMs < upstream.member.shareAgainAtMs;
    const others = isBanned ? upstream.line.splice(1) : [];
    sendGathered(core, upstream);
    sendElsewhere(core, others);
  }
  gathering.length = waiting;
  if (waiting > 0) core.connector.flushWithin(core.limits.upstreamGatherMs);
}
