/**
 * The ranges that are not forwarded: `[start, end)` pairs, ascending, apart from each other.
 *
 * Nearly always a range lies behind all earlier ones. Lines whose fate is decided at the end of a
 * head (Upgrade, Expect, names that Connection lists) may lie anywhere and may be known already.
 */

/** Structural: request heads, response heads and chunk scanners hold their ranges themselves. */
export type Dropping = { drops: Int32Array; dropCount: number };

/** Adds a range. Neighbours that touch become one, so a copier sees the fewest segments. */
export function dropRange(into: Dropping, start: number, end: number): void {
  const count = into.dropCount;
  const lastEnd = count === 0 ? -1 : (into.drops[2 * count - 1] ?? 0);
  if (start === lastEnd) {
    into.drops[2 * count - 1] = end;
  } else if (start > lastEnd) {
    insert(into, count, start, end);
  } else {
    dropBetween(into, start, end);
  }
}

/** A whole line among lines that were dropped before: it is one of them, or apart from all. */
function dropBetween(into: Dropping, start: number, end: number): void {
  let index = 0;
  while (index < into.dropCount && (into.drops[2 * index + 1] ?? 0) < start) index++;
  const otherStart = into.drops[2 * index] ?? 0;
  const otherEnd = into.drops[2 * index + 1] ?? 0;
  if (otherStart <= start && end <= otherEnd) return;
  if (otherEnd === start) {
    into.drops[2 * index + 1] = end;
    if (into.drops[2 * index + 2] === end && index + 1 < into.dropCount) joinNext(into, index);
  } else if (otherStart === end) {
    into.drops[2 * index] = start;
  } else {
    insert(into, index, start, end);
  }
}

function joinNext(into: Dropping, index: number): void {
  into.drops[2 * index + 1] = into.drops[2 * index + 3] ?? 0;
  into.drops.copyWithin(2 * index + 2, 2 * index + 4, 2 * into.dropCount);
  into.dropCount--;
}

function insert(into: Dropping, index: number, start: number, end: number): void {
  const used = 2 * into.dropCount;
  if (used + 2 > into.drops.length) {
    const larger = new Int32Array(2 * into.drops.length);
    larger.set(into.drops);
    into.drops = larger;
  }
  if (2 * index < used) into.drops.copyWithin(2 * index + 2, 2 * index, used);
  into.drops[2 * index] = start;
  into.drops[2 * index + 1] = end;
  into.dropCount++;
}
