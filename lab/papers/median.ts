/** The middle of some measurements; of the two in the middle, their mean. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const below = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  const above = sorted[sorted.length >> 1] ?? Number.NaN;
  return (below + above) / 2;
}
