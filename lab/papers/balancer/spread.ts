/**
 * Experiments on real processes: which server answered how many requests, at N = 3 and
 * with N growing from 2 to 6 by the source's own `/add`.
 */

import type { ThrowawayCluster } from "../../chaos/throwaway-cluster.ts";
import { askAll, isLost } from "../asking.ts";
import { type Balance, balanceOf, countByServer } from "./balance.ts";
import { serverCounts, streamOfA1, streamOfA2 } from "./computation.ts";
import type { OfferedPlacement, ProductHash } from "./placements.ts";
import { drawIds } from "./request-ids.ts";
import { growTo, serverNames, startSourceCluster } from "./source-cluster.ts";

/** Clients of the source are asynchronous; this many requests are under way at once. */
export const inFlight = 64;

export type SpreadOptions = {
  readonly requests: number;
  readonly seed: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
};

export type MeasuredSpread = {
  readonly servers: number;
  /** Answered requests by server number. */
  readonly counts: readonly number[];
  readonly balance: Balance;
  readonly lost: number;
  /** Answered by another server than core/ring computes for the id: the load bound, for example. */
  readonly diverted: number;
  readonly seconds: number;
};

export type SpreadRun = {
  readonly hash: ProductHash;
  readonly a1: MeasuredSpread;
  /** By N, in the order of `serverCounts`. */
  readonly a2: readonly MeasuredSpread[];
};

export async function measureSpread(
  placement: OfferedPlacement,
  options: SpreadOptions,
): Promise<SpreadRun> {
  const { say, signal } = options;
  const { hash } = placement;
  say(`${hash}: starting a cluster of ${serverCounts[0]}`);
  await using cluster = await startSourceCluster(hash, serverCounts[0]);
  const a2: MeasuredSpread[] = [];
  let a1: MeasuredSpread | undefined;
  for (const servers of serverCounts) {
    signal.throwIfAborted();
    await growTo(cluster, servers, placement);
    if (servers === 3) a1 = await measure(cluster, placement, servers, streamOfA1, options);
    if (a1 !== undefined && servers === 3) say(line("A-1", hash, a1));
    const spread = await measure(cluster, placement, servers, streamOfA2(servers), options);
    say(line("A-2", hash, spread));
    a2.push(spread);
  }
  if (a1 === undefined) throw new Error("N = 3 is not among the counts of A-2");
  return { hash, a1, a2 };
}

async function measure(
  cluster: ThrowawayCluster,
  placement: OfferedPlacement,
  servers: number,
  stream: number,
  { requests, seed, signal }: SpreadOptions,
): Promise<MeasuredSpread> {
  const names = await serverNames(cluster);
  const numberOf = new Map(names.map((name, index) => [name, index + 1]));
  const ownerOf = placement.owners(servers);
  const ids = drawIds(requests, seed, stream);
  const startedMs = performance.now();
  const answers = await askAll(cluster.url, ids, { inFlight, signal });
  const seconds = (performance.now() - startedMs) / 1_000;
  const answered = answers.filter((answer) => !isLost(answer));
  const numbers = answered.map(({ server = "" }) => numberOf.get(server) ?? 0);
  const counts = countByServer(numbers, servers);
  return {
    servers,
    counts,
    balance: balanceOf(counts),
    lost: answers.length - answered.length,
    diverted: answered.filter(({ id }, index) => ownerOf(id) !== numbers[index]).length,
    seconds,
  };
}

function line(experiment: string, hash: ProductHash, spread: MeasuredSpread): string {
  const { servers, counts, lost, seconds } = spread;
  const rate = Math.round((counts.reduce((sum, count) => sum + count, 0) + lost) / seconds);
  return `${hash}: ${experiment}, N = ${servers}: ${counts.join(" / ")}, ${lost} lost (${rate} requests/s)`;
}
