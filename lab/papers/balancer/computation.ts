/**
 * Experiment A-4 where no cluster file offers the functions: computed, once over all
 * 900,000 six-digit ids, which is exact, and once over ids that were drawn, as a run would see them.
 */
import { describeSeed512, placeSeed512 } from "@prunella/core/ring";
import { type Balance, balanceOf, countByServer } from "./balance.ts";
import type { ComparedPlacement } from "./placements.ts";
import { drawIds, idCount, ownersOfAllIds } from "./request-ids.ts";

/** N of experiments. */
export const serverCounts = [2, 3, 4, 5, 6] as const;

/** Streams of ids: one for A-1, and one for each N of A-2. */
export const streamOfA1 = 1;
export const streamOfA2 = (serverCount: number): number => 10 + serverCount;

export type ComputedSpread = {
  readonly servers: number;
  /** Fraction of all six-digit ids by server number. */
  readonly shares: readonly number[];
  /** Of all 900,000 ids. */
  readonly exact: Balance;
  /** Requests by server number among the drawn ids. */
  readonly drawn: readonly number[];
};

export type ComputedPlacement = {
  readonly name: string;
  readonly shortName: string;
  /** By N, in the order of `serverCounts`. */
  readonly spreads: readonly ComputedSpread[];
  /** the drawn ids of that experiment by server number, N = 3. */
  readonly drawnA1: readonly number[];
  /** Largest max/mean of the two that are left when one of three has failed, whichever. */
  readonly worstAfterFailure: number;
  /** The share of each survivor, by number, while server 1 of three is down; its own is 0. */
  readonly sharesWithoutServer1: readonly number[];
};

export type Draw = { readonly requests: number; readonly seed: number };

export function computePlacement(
  placement: ComparedPlacement,
  { requests, seed }: Draw,
): ComputedPlacement {
  const spreads = serverCounts.map((servers): ComputedSpread => {
    const ownerOf = placement.owners(servers);
    const counts = countByServer(ownersOfAllIds(ownerOf), servers);
    const drawnIds = drawIds(requests, seed, streamOfA2(servers));
    return {
      servers,
      shares: counts.map((count) => count / idCount),
      exact: balanceOf(counts),
      drawn: countByServer(drawnIds.map(ownerOf), servers),
    };
  });
  const idsOfA1 = drawIds(requests, seed, streamOfA1);
  const withoutOne = [1, 2, 3].map((down) =>
    countByServer(ownersOfAllIds(placement.owners(3, down)), 3),
  );
  return {
    name: placement.name,
    shortName: placement.shortName,
    spreads,
    drawnA1: countByServer(idsOfA1.map(placement.owners(3)), 3),
    worstAfterFailure: Math.max(
      ...withoutOne.map((counts, index) => {
        const survivors = counts.filter((_, number) => number !== index);
        return balanceOf(survivors).maxOverMean;
      }),
    ),
    sharesWithoutServer1: (withoutOne[0] ?? []).map((count) => count / idCount),
  };
}

/** Why the given functions are out of balance, in numbers. */
export type GivenMapFacts = {
  /** Slots into which at least one six-digit id falls. */
  readonly reachable: number;
  /** Fraction of the ids that fall into the most popular slot, and which slot that is. */
  readonly topShare: number;
  readonly topSlot: number;
  /** First and last slot of the map that any of six servers stands in. */
  readonly firstTaken: number;
  readonly lastTaken: number;
  /** Slots of the longest stretch without a virtual server at N = 3, and who owns it all. */
  readonly longestGap: number;
  readonly gapOwner: number;
};

export function describeGivenMap(): GivenMapFacts {
  const map = (count: number) =>
    placeSeed512(Array.from({ length: count }, (_, index) => ({ number: index + 1, live: true })));
  const three = map(3);
  const { reachableSlotCount, requestsBySlot } = describeSeed512(three);
  const top = requestsBySlot.reduce((most, count) => Math.max(most, count), 0);
  const taken = takenSlots(map(6).slots);
  const gaps = takenSlots(three.slots).map((slot, index, all) => {
    const before = all.at(index - 1) ?? slot;
    const length = (slot - before + three.slots.length) % three.slots.length;
    return { length: length - 1, owner: three.slots[slot] ?? 0 };
  });
  const longest = gaps.reduce((most, gap) => (gap.length > most.length ? gap : most));
  return {
    reachable: reachableSlotCount,
    topShare: top / idCount,
    topSlot: requestsBySlot.indexOf(top),
    firstTaken: taken[0] ?? 0,
    lastTaken: taken.at(-1) ?? 0,
    longestGap: longest.length,
    gapOwner: longest.owner,
  };
}

function takenSlots(slots: Int32Array): readonly number[] {
  return [...slots.keys()].filter((slot) => slots[slot] !== 0);
}
