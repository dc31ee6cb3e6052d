/** What a placement looks like: the share of every member, the balance, and a picture for people. */
import { bar, grid, listedMax, markOf, percent } from "./chart.ts";
import type { Placement } from "./placement.ts";

export type PlacementDescription = {
  /** Fraction of all keys, by index of `placement.members`. Adds up to 1. */
  readonly share: readonly number[];
  /**
   * The largest share over the fair one. With equal weights that is max/mean; with others each
   * member is measured against what its weight entitles it to. 1 is perfect.
   */
  readonly maxOverMean: number;
  /** Lines of text; see the example. Lists at most 62 members. */
  readonly picture: string;
};

/** Cells of the picture; a table with more slots shows the first slot of equally long parts. */
const cellsMax = 512;

/**
 * Describes a placement. O(slots); meant for people and reports, not for the data path.
 *
 * @example
 * ```text
 * 131072 slots, 3 members, largest share 1.000 of the fair one
 *
 *   1  hello-1   33.33 %  43691 slots  ########################################
 *   2  hello-2   33.33 %  43691 slots  ########################################
 *   3  hello-3   33.33 %  43690 slots  ########################################
 *
 * one slot of every 256, 64 to a line:
 *        0  2331121323112...
 * ```
 */
export function describe(placement: Placement): PlacementDescription {
  const slotCount = placement.slots.length;
  const held = new Uint32Array(placement.members.length);
  for (const owner of placement.slots) held[owner] = (held[owner] ?? 0) + 1;

  const weightSum = placement.members.reduce((sum, { weight }) => sum + weight, 0);
  const share = Array.from(held, (slots) => slots / slotCount);
  const overFair = placement.members.map(
    ({ weight }, index) => ((share[index] ?? 0) * weightSum) / weight,
  );
  const maxOverMean = overFair.reduce((most, ratio) => Math.max(most, ratio), 0);
  return { share, maxOverMean, picture: draw(placement, held, maxOverMean) };
}

function draw(placement: Placement, held: Uint32Array, maxOverMean: number): string {
  const { members, slots } = placement;
  const listed = members.slice(0, listedMax);
  const largest = held.reduce((most, count) => Math.max(most, count), 0);
  const idWidth = listed.reduce((most, { id }) => Math.max(most, id.length), 0);
  const digits = String(largest).length;
  const rows = listed.map(({ id }, index) => {
    const count = held[index] ?? 0;
    const size = `${percent(count / slots.length)}  ${String(count).padStart(digits)} slots`;
    return `  ${markOf(index)}  ${id.padEnd(idWidth)}  ${size}  ${bar(count, largest)}`;
  });
  const unlisted = members.length - listed.length;
  if (unlisted > 0) rows.push(`  ?  and ${unlisted} more members`);

  const slotsPerCell = Math.max(1, slots.length / cellsMax);
  let cells = "";
  for (let slot = 0; slot < slots.length; slot += slotsPerCell) cells += markOf(slots[slot] ?? 0);
  return [
    `${slots.length} slots, ${members.length} members, largest share ${maxOverMean.toFixed(3)} of the fair one`,
    "",
    ...rows,
    "",
    slotsPerCell === 1
      ? "every slot, 64 to a line:"
      : `one slot of every ${slotsPerCell}, 64 to a line:`,
    ...grid(cells, slotsPerCell),
  ].join("\n");
}
