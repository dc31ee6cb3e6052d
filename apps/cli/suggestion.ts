/** "Did you mean ...?" for the names of a cluster; commander does the same for commands and flags. */

const distanceMax = 3;

/** The known name nearest to `text`, if any is near enough to be a slip of the fingers. */
export function nearest(text: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(distanceMax, Math.floor(text.length / 2)) + 1;
  for (const name of known) {
    const distance = editDistance(text.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
