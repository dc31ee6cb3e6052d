/** How evenly requests fell on servers. The mean is here only because the source asks for it. */
export type Balance = {
  readonly mean: number;
  readonly max: number;
  readonly min: number;
  /** Of the servers' counts, around their mean, divided by their number. */
  readonly standardDeviation: number;
  /** How many times its fair share the busiest server carries; 1 is perfect. */
  readonly maxOverMean: number;
};

/** @param counts - Requests by server, at least one server and one request. */
export function balanceOf(counts: readonly number[]): Balance {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const squares = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0);
  const max = Math.max(...counts);
  return {
    mean,
    max,
    min: Math.min(...counts),
    standardDeviation: Math.sqrt(squares / counts.length),
    maxOverMean: max / mean,
  };
}

/** Requests by server number, from 1; owners beyond `serverCount` are left out. */
export function countByServer(owners: Iterable<number>, serverCount: number): readonly number[] {
  const counts = new Array<number>(serverCount).fill(0);
  for (const owner of owners) {
    const count = counts[owner - 1];
    if (count !== undefined) counts[owner - 1] = count + 1;
  }
  return counts;
}

/**
 * The standard deviation of one server's count when every request picks a server at random and all
 * are equally likely: what even a perfect hash of random ids cannot go below, by and large.
 */
export function chanceDeviation(requests: number, serverCount: number): number {
  return Math.sqrt((requests / serverCount) * (1 - 1 / serverCount));
}
