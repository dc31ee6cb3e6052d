/**
 * The ids of an experiment: the source lets a request have a six-digit random number. The same seed
 * draws the same ids, so that every placement is asked with the same ones and differs in nothing else.
 */
import { draw, rngFrom } from "@prunella/core/kernel";
import { sixDigitIds } from "@prunella/core/ring";
import type { OwnerOf } from "./placements.ts";

/** Six-digit numbers. */
export const idCount = sixDigitIds.last - sixDigitIds.first + 1;

/** @param stream - Names the experiment: another one has other ids from the same seed. */
export function drawIds(count: number, seed: number, stream: number): readonly number[] {
  let rng = rngFrom(draw(rngFrom(seed)).value * 2 ** 32 + stream * 0x9e3779b1);
  return Array.from({ length: count }, () => {
    const drawn = draw(rng);
    rng = drawn.rng;
    return sixDigitIds.first + Math.floor(drawn.value * idCount);
  });
}

/** The owner of every six-digit id, one after another. */
export function* ownersOfAllIds(ownerOf: OwnerOf): Iterable<number> {
  for (let id = sixDigitIds.first; id <= sixDigitIds.last; id++) yield ownerOf(id);
}
