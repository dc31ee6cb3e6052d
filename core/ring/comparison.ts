/**
 * How many keys change their owner between two placements, and how many had to.
 *
 * A member that shrinks must give keys away, whatever the scheme: that much is needed. What moves
 * between two members that both stay is the extra, the price that invariant G14 bounds by 1 %.
 */
import { ownerIndex, type Placement } from "./placement.ts";

/** Fractions of all keys, from 0 to 1. */
export type Movement = {
  /** Keys whose owner differs. */
  readonly moved: number;
  /** The least that any scheme would move to get from the old shares to the new ones. */
  readonly needed: number;
  /** `moved - needed`. */
  readonly extra: number;
};

/** Compares owners by id, slot by slot. The placements may have different slot counts. */
export function compare(before: Placement, after: Placement): Movement {
  const indexAfter = new Map(after.members.map(({ id }, index) => [id, index]));
  const successor = Int32Array.from(before.members, ({ id }) => indexAfter.get(id) ?? -1);
  const lost = new Int32Array(after.members.length); // Slots given away, minus slots received.

  const fineShift = Math.min(before.shift, after.shift);
  const slotCount = 2 ** (32 - fineShift);
  let moved = 0;
  let left = 0; // Slots of members that are no longer there.
  for (let slot = 0; slot < slotCount; slot++) {
    const hash = slot << fineShift;
    const then = successor[ownerIndex(before, hash)] ?? -1;
    const now = ownerIndex(after, hash);
    if (then === now) continue;
    moved++;
    if (then === -1) left++;
    else lost[then] = (lost[then] ?? 0) + 1;
    lost[now] = (lost[now] ?? 0) - 1;
  }
  const needed = lost.reduce((sum, slots) => sum + Math.max(0, slots), left);
  return {
    moved: moved / slotCount,
    needed: needed / slotCount,
    extra: (moved - needed) / slotCount,
  };
}
