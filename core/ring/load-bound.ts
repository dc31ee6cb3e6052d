/**
 * Bounded load: may this member take one more request, or is it ahead of its fair share?
 *
 * A member may have at most `bound` times its share of what is in flight. With a bound above 1
 * somebody is always below it, because the shares add up to the whole and the limits to more than
 * that; so an overloaded owner always has a place to send its surplus.
 *
 * `floor` is needed because with little traffic the bare formula calls nearly everybody overloaded:
 * ten members with eight requests in flight would send 70 % of the keys away from home, with a floor
 * of 8 none.
 *
 * Source: Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2016.
 */

/** What one gateway process has in flight, by index of `placement.members`. */
export type LoadView = {
  readonly inFlight: ArrayLike<number>;
  /** Sum of `inFlight`. */
  readonly total: number;
  readonly weights: ArrayLike<number>;
  /** Sum of `weights`. */
  readonly weightSum: number;
};

export const loadBound = 1.25;
export const loadFloor = 8;

/**
 * True when the member at `index` may take one more request.
 *
 * @param bound - Limit as a multiple of the fair share, at least 1.
 * @param floor - Requests that a member may always have, whatever its share.
 *
 * O(1), no allocation.
 */
export function admissible(
  load: LoadView,
  index: number,
  bound = loadBound,
  floor = loadFloor,
): boolean {
  const share = (load.weights[index] ?? 0) / load.weightSum;
  const limit = Math.max(floor, Math.ceil(bound * (load.total + 1) * share));
  return (load.inFlight[index] ?? 0) < limit;
}
