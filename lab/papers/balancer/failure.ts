/**
 * Experiment A-3, second part: `kill -9` of server 1 under load, again and again. How long until its
 * replacement answers a client, who carries its requests meanwhile, and how many requests are lost.
 *
 * A client cannot see a process, only answers: the replacement is back when the first 200 arrives
 * that names a server which had not been there before the kill. Server 1 is the victim because with
 * the given functions most requests are its own, so that the moment is seen within milliseconds.
 */
import { setTimeout as delay } from "node:timers/promises";
import { kill, type ThrowawayCluster } from "../../chaos/throwaway-cluster.ts";
import { type Answer, PacedAsking } from "../asking.ts";
import {
  type FailureOptions,
  firstAnswer,
  type Losses,
  lossesOf,
  sliceMs,
  slowestBetween,
} from "../failures-under-load.ts";
import type { OfferedPlacement, ProductHash } from "./placements.ts";
import { drawIds } from "./request-ids.ts";
import { serverNames, startSourceCluster } from "./source-cluster.ts";

export type FailureRun = Losses & {
  readonly hash: ProductHash;
  readonly perSecond: number;
  /** Time from the kill to the first 200 of the replacement, one per kill. */
  readonly backMs: readonly number[];
  /** Answers between kill and first 200 of the replacement, of all kills, by server number. */
  readonly meanwhile: readonly number[];
  /** The longest time that a request took which was under way or sent in between. */
  readonly slowestMs: number;
  readonly timeline: readonly Slice[];
};

/** Answers of one stretch of time around the kill, of all kills together. */
export type Slice = {
  /** From here `sliceMs` on; 0 is the kill. */
  readonly fromMs: number;
  /** By server number; the replacement counts as server 1. */
  readonly counts: readonly number[];
  readonly lost: number;
};

const beforeMs = 100;
const afterMs = 500;
const servers = 3;
const victim = 1;
const backMsMax = 20_000;
/** Under load before the first kill, so that connections are warm. */
const settleMs = 500;
const idCount = 10_000;
const idStream = 30;

export async function measureFailures(
  placement: OfferedPlacement,
  { kills, perSecond, seed, say, signal }: FailureOptions,
): Promise<FailureRun> {
  const { hash } = placement;
  say(`${hash}: A-3, ${kills} times kill -9 of server ${victim} at ${perSecond} requests/s`);
  await using cluster = await startSourceCluster(hash, servers);
  const ids = drawIds(idCount, seed, idStream);
  const numberOf = new Map((await serverNames(cluster)).map((name, index) => [name, index + 1]));
  const asking = new PacedAsking(cluster.url, perSecond, ids);
  const rounds: Round[] = [];
  try {
    await delay(settleMs, undefined, { signal });
    for (let round = 1; round <= kills; round++) {
      rounds.push(await killOnce(cluster, asking, numberOf, signal));
      const names = await serverNames(cluster);
      for (const [index, name] of names.entries()) numberOf.set(name, index + 1);
    }
  } finally {
    await asking.stop();
  }
  const run = summarize(asking.answers, rounds, numberOf);
  const [fastest, slowest] = [Math.min(...run.backMs), Math.max(...run.backMs)].map(Math.round);
  say(`${hash}: A-3, back after ${fastest} to ${slowest} ms, ${run.lost} of ${run.sent} lost`);
  return { hash, perSecond, ...run };
}

export type Round = { readonly failedAtMs: number; readonly backAtMs: number };

async function killOnce(
  cluster: ThrowawayCluster,
  asking: PacedAsking,
  known: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<Round> {
  const pid = (await cluster.replicas())[victim - 1]?.pid;
  if (typeof pid !== "number") throw new Error(`server ${victim} does not run`);
  const failedAtMs = performance.now();
  kill(pid);
  const wanted = {
    what: `a new server in the place of server ${victim}`,
    msMax: backMsMax,
    fits: (server: string) => !known.has(server),
  };
  const back = await firstAnswer(cluster, asking, wanted, signal);
  await delay(afterMs + beforeMs, undefined, { signal });
  return { failedAtMs, backAtMs: back.answeredAtMs };
}

/** Pure: what the answers around the kills say. */
export function summarize(
  answers: readonly Answer[],
  rounds: readonly Round[],
  numberOf: ReadonlyMap<string, number>,
): Omit<FailureRun, "hash" | "perSecond"> {
  const meanwhile = new Array<number>(servers).fill(0);
  const sliceCount = (beforeMs + afterMs) / sliceMs;
  const timeline = Array.from({ length: sliceCount }, (_, index) => ({
    fromMs: index * sliceMs - beforeMs,
    counts: new Array<number>(servers).fill(0),
    lost: 0,
  }));
  for (const { failedAtMs, backAtMs } of rounds) {
    for (const { server, sentAtMs, answeredAtMs } of answers) {
      const number = server === undefined ? undefined : numberOf.get(server);
      const slice = timeline[Math.floor((answeredAtMs - failedAtMs + beforeMs) / sliceMs)];
      if (slice !== undefined && number === undefined) slice.lost += 1;
      if (slice !== undefined) add(slice.counts, number);
      if (sentAtMs >= failedAtMs && answeredAtMs < backAtMs) add(meanwhile, number);
    }
  }
  return {
    backMs: rounds.map(({ failedAtMs, backAtMs }) => backAtMs - failedAtMs),
    ...lossesOf(answers),
    meanwhile,
    slowestMs: slowestBetween(answers, rounds),
    timeline,
  };
}

function add(counts: number[], number: number | undefined): void {
  if (number === undefined) return;
  const count = counts[number - 1];
  if (count !== undefined) counts[number - 1] = count + 1;
}
