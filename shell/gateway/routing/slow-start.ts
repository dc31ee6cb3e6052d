/**
 * A member that begins to serve beside others that are warm gets a tenth of its share first, and all
 * of it after `slowStartMs`: caches fill, code is compiled, pools open.
 *
 * Which of its keys it gets is drawn from the hash of the request, so one key does not flap: once it
 * has come home it stays. The placement is not touched. There is no slow start without a sibling that
 * has served for that long already: on the first start of a service somebody must take the load.
 */
import { mix32 } from "@prunella/core/kernel";
import type { Member } from "./member.ts";

const shareMin = 0.1;
/** Of a member that was found serving: nobody knows since when, so it is warm. */
const sinceEver: number = Number.NEGATIVE_INFINITY;
/** Another draw than the one that found the home. */
const salt = 0x5f35_6495;

/** Marks the members that have begun to serve with this view. `known` is false for a new service. */
export function markBeginners(
  members: readonly Member[],
  known: boolean,
  slowStartMs: number,
  nowMs: number,
): void {
  const isWarm = ({ serving, servingSinceMs }: Member) =>
    serving && servingSinceMs !== undefined && nowMs - servingSinceMs >= slowStartMs;
  const hasWarm = slowStartMs > 0 && members.some(isWarm);
  for (const member of members) {
    if (!member.serving || member.servingSinceMs !== undefined) continue;
    member.servingSinceMs = known ? nowMs : sinceEver;
    if (hasWarm) member.slowUntilMs = nowMs + slowStartMs;
  }
}

/** True when a member that warms up does not take this request. */
export function isSpared(
  member: Member,
  hash: number,
  slowStartMs: number,
  nowMs: number,
): boolean {
  const leftMs = member.slowUntilMs - nowMs;
  if (leftMs <= 0) return false;
  const share = 1 - (1 - shareMin) * Math.min(1, leftMs / slowStartMs);
  return mix32((hash ^ salt) >>> 0) / 0x1_0000_0000 >= share;
}
