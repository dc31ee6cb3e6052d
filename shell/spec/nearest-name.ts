/**
 * "Did you mean ...?" for names that a person typed: the known name at the smallest edit distance,
 * if it is near enough to be a slip and not another word.
 *
 * Source: restricted Damerau-Levenshtein distance (insert, delete, replace, swap two neighbours).
 */
const comparedLengthMax = 64;

/** The name in `known` that `typed` probably stands for, or undefined when none is near. */
export function nearestName(typed: string, known: readonly string[]): string | undefined {
  if (typed.length > comparedLengthMax) return undefined;
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(typed.toLowerCase(), name.toLowerCase());
    if (distance > slipsMax(name)) continue;
    if (best === undefined || distance < best.distance) best = { name, distance };
  }
  return best?.name;
}

/** A short word has few letters to get wrong: one slip up to four letters, then two, then three. */
function slipsMax(name: string): number {
  if (name.length <= 4) return 1;
  return name.length <= 8 ? 2 : 3;
}

function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const straight = Math.min(cell(row, j) + 1, cell(next, j - 1) + 1, cell(row, j - 1) + same);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(swapped ? Math.min(straight, cell(before, j - 2) + 1) : straight);
    }
    before = row;
    row = next;
  }
  return cell(row, b.length);
}

function cell(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
