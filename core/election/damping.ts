/**
 * A member that keeps failing as leader ranks last for a while, as a flapping route does: each
 * unplanned loss weighs 1,000 and fades with a half-life of 300 s; from 2,000 on the member is
 * suppressed, until less than 750 is left. A planned resignation weighs nothing. A suppressed member
 * still leads when nobody else can.
 *
 * Source: the penalties of BGP route flap damping, RFC 2439.
 */
import type { MemberId } from "../kernel/index.ts";
import type { EndOfLeadership, HistoryRow } from "./history.ts";

const penaltyOfLoss = 1_000;
const halfLifeMs = 300_000;
const suppressFrom = 2_000;
const releaseBelow = 750;

const unplanned: ReadonlySet<EndOfLeadership> = new Set([
  "crash",
  "silence",
  "lease",
  "stalled",
  "unhealthy",
  "fence",
]);

export function isSuppressed(
  history: readonly HistoryRow[],
  member: MemberId,
  nowMs: number,
): boolean {
  let penalty = 0;
  let atMs = 0;
  let suppressed = false;
  const age = (toMs: number): void => {
    penalty *= 2 ** (-Math.max(0, toMs - atMs) / halfLifeMs);
    atMs = toMs;
    suppressed &&= penalty >= releaseBelow;
  };
  for (const { leader, toMs, why } of history) {
    if (leader.member !== member || toMs === undefined) continue;
    if (why === undefined || !unplanned.has(why)) continue;
    age(toMs);
    penalty += penaltyOfLoss;
    suppressed ||= penalty >= suppressFrom;
  }
  age(nowMs);
  return suppressed;
}
