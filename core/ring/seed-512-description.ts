/** What the source's map looks like: shares, reachable slots, and the slots as a picture for people. */
import { bar, grid, markOf, percent } from "./chart.ts";
import { requestSlot, type Seed512 } from "./seed-512.ts";

export type Seed512Description = {
  /** Fraction of the requests, by index of `map.members`; a tombstone has 0. */
  readonly share: readonly number[];
  /** The busiest live server over the mean of the live ones; 0 when nobody is live. */
  readonly maxOverMean: number;
  /** Slots into which at least one request id falls. */
  readonly reachableSlotCount: number;
  /** Requests by slot, before they go clockwise. */
  readonly requestsBySlot: Uint32Array;
  readonly picture: string;
};

/** Request ids that a description counts, both ends included. The source's are six-digit numbers. */
export type RequestIds = { readonly first: number; readonly last: number };

export const sixDigitIds: RequestIds = { first: 100_000, last: 999_999 };

/** One stretch of slots whose requests all go to one server. It may run over the seam at slot 0. */
type Arc = { readonly first: number; readonly last: number; readonly owner: number };

/**
 * Describes the map by sending every id of a range through it, by default all 900,000 of the
 * source: milliseconds, so for people and reports and not for the data path.
 *
 * @example
 * ```text
 * 512 slots, 87 of them reachable, 27 taken by 3 servers x 9; linear probing, longest 1; max/mean 2.53
 *
 *   1    84.38 %  ########################################
 *   2     4.69 %  ##
 *   3    10.94 %  #####
 *
 * slots            share  server
 *  115..26       80.47 %  1
 *   27..29        0.00 %  1 ...
 * ```
 */
export function describeSeed512(map: Seed512, ids: RequestIds = sixDigitIds): Seed512Description {
  const requestsBySlot = new Uint32Array(map.slots.length);
  for (let id = ids.first; id <= ids.last; id++) {
    const slot = requestSlot(map, id);
    requestsBySlot[slot] = (requestsBySlot[slot] ?? 0) + 1;
  }
  const total = Math.max(1, ids.last - ids.first + 1);
  const byNumber = new Map<number, number>();
  for (const [slot, owner] of map.owners.entries()) {
    byNumber.set(owner, (byNumber.get(owner) ?? 0) + (requestsBySlot[slot] ?? 0));
  }
  const share = map.members.map(({ number, live }) =>
    live ? (byNumber.get(number) ?? 0) / total : 0,
  );
  const liveCount = map.members.filter(({ live }) => live).length;
  const facts = {
    share,
    maxOverMean: share.reduce((most, part) => Math.max(most, part), 0) * liveCount,
    reachableSlotCount: requestsBySlot.filter((count) => count > 0).length,
    requestsBySlot,
  };
  return { ...facts, picture: draw(map, facts, total) };
}

function draw(map: Seed512, facts: Omit<Seed512Description, "picture">, total: number): string {
  const { members, slots } = map;
  const largest = facts.share.reduce((most, part) => Math.max(most, part), 0);
  const indexOf = new Map(members.map(({ number }, index) => [number, index]));
  const nameWidth = Math.max(6, String(members.at(-1)?.number ?? 0).length);
  const rows = members.map(({ number, live }, index) => {
    const part = facts.share[index] ?? 0;
    const name = String(number).padEnd(nameWidth);
    return `  ${markOf(index)}  ${name}  ${live ? `${percent(part)}  ${bar(part, largest)}` : "down, its slots are reserved"}`;
  });
  const arcs = arcsOf(map).map(({ first, last, owner }) => {
    const requests = requestsIn(facts.requestsBySlot, first, last);
    const range = `${String(first).padStart(5)}..${String(last).padEnd(5)}`;
    return `  ${range}  ${percent(requests / total)}  ${owner === 0 ? "nobody" : owner}`;
  });
  const cells = Array.from(slots, (number) => {
    const index = indexOf.get(number);
    if (index === undefined) return ".";
    return members[index]?.live ? markOf(index) : "x";
  }).join("");
  const taken = slots.filter((number) => number !== 0).length;
  return [
    `${slots.length} slots, ${facts.reachableSlotCount} of them reachable, ${taken} taken by ${members.length} servers x ${map.virtualCount}`,
    `${map.probing} probing, longest ${map.longestProbe}; max/mean ${facts.maxOverMean.toFixed(2)}`,
    "",
    `     ${"server".padEnd(nameWidth)}  requests`,
    ...rows,
    "",
    "virtual servers (. free, x down), 64 slots to a line:",
    ...grid(cells, 1),
    "",
    "  slots         requests  server (clockwise to the nearest live one)",
    ...arcs,
  ].join("\n");
}

/** Neighbouring slots with one owner, joined. Starts behind a seam so that no arc is cut in two. */
function arcsOf(map: Seed512): readonly Arc[] {
  const { owners } = map;
  const slotCount = owners.length;
  const seam = owners.findIndex((owner, slot) => owner !== owners.at(slot - 1));
  if (seam === -1) return [{ first: 0, last: slotCount - 1, owner: owners[0] ?? 0 }];

  const arcs: Arc[] = [];
  let first = seam;
  for (let step = 1; step <= slotCount; step++) {
    const slot = (seam + step) % slotCount;
    const last = (seam + step - 1) % slotCount;
    if (step < slotCount && owners[slot] === owners[last]) continue;
    arcs.push({ first, last, owner: owners[first] ?? 0 });
    first = slot;
  }
  return arcs;
}

function requestsIn(requestsBySlot: Uint32Array, first: number, last: number): number {
  let requests = 0;
  for (let slot = first; ; slot = (slot + 1) % requestsBySlot.length) {
    requests += requestsBySlot[slot] ?? 0;
    if (slot === last) return requests;
  }
}
