/**
 * Section 3.4.4 of the source: the leader fails, again and again, while users ask. How long until the
 * next leader answers one of them, and where that time goes.
 *
 * The leader is killed (`kill -9`: its kernel says so) or frozen (`SIGSTOP`: nobody says anything, and
 * it wakes up later as a leader that is one no more). A client cannot see leaders, only answers: the
 * service is back when the first 200 arrives that names a newer term.
 */
import { setTimeout as delay } from "node:timers/promises";
import { draw, rngFrom } from "@prunella/core/kernel";
import type { ThrowawayCluster } from "../../chaos/throwaway-cluster.ts";
import { type Answer, PacedAsking } from "../asking.ts";
import {
  type FailureOptions,
  firstAnswer,
  type Losses,
  lossesOf,
  sliceMs,
  slowestBetween,
} from "../failures-under-load.ts";
import { type Split, splitOf } from "./failover-split.ts";
import {
  cookie,
  currentLeader,
  historyOf,
  type Leader,
  settled,
  startFortuneCluster,
  termOf,
} from "./fortune-cluster.ts";

export type Failure = "SIGKILL" | "SIGSTOP";

export type FailoverRound = {
  readonly before: string;
  readonly after: string;
  /** How many terms later; more than one when an election had to be held again. */
  readonly terms: number;
  /** From the failure to the first 200 of the new term. */
  readonly totalMs: number;
  /** Undefined when the new leader did not know of the old one. */
  readonly split: Split | undefined;
  /** What the electors themselves noted: it counts from the last sign of life, not from the failure. */
  readonly notedDetectMs: number | undefined;
};

export type FailoverRun = Losses & {
  readonly failure: Failure;
  readonly perSecond: number;
  readonly rounds: readonly FailoverRound[];
  /** Answers of an older term to requests that were sent after a newer one had answered. */
  readonly stale: number;
  /** The longest time that a request took which was under way or sent in between. */
  readonly slowestMs: number;
  readonly timeline: readonly Slice[];
};

/** Answers of one stretch of time around the failure, of all failures together. */
export type Slice = {
  /** From here `sliceMs` on; 0 is the failure. */
  readonly fromMs: number;
  readonly old: number;
  readonly next: number;
  readonly lost: number;
};

export const beforeMs = 200;
export const afterMs = 1_000;
const backMsMax = 30_000;
/** A voter that was restarted may vote again by then, with a reserve. */
const restMs = 1_000;
/** More than a heartbeat, so that failures fall into every part of one. */
const restMsSpread = 200;
const roundsPerWord = 20;

export async function measureFailovers(
  failure: Failure,
  { kills, perSecond, seed, say, signal }: FailureOptions,
): Promise<FailoverRun> {
  say(`${failure}: ${kills} times to the leader, at ${perSecond} requests/s`);
  await using cluster = await startFortuneCluster();
  const asking = new PacedAsking(cluster.url, perSecond, [0], cookie);
  const rounds: TimedRound[] = [];
  let rng = rngFrom(seed);
  try {
    for (let round = 1; round <= kills; round++) {
      const drawn = draw(rng);
      rng = drawn.rng;
      await settled(cluster);
      await delay(restMs + drawn.value * restMsSpread, undefined, { signal });
      rounds.push(await failOnce(cluster, asking, failure, signal));
      if (round % roundsPerWord === 0) say(`${failure}: ${round} of ${kills}`);
    }
  } finally {
    await asking.stop();
  }
  const run = summarize(asking.answers, rounds);
  const totals = run.rounds.map(({ totalMs }) => Math.round(totalMs));
  say(`${failure}: back after ${Math.min(...totals)} to ${Math.max(...totals)} ms`);
  say(`${failure}: ${run.lost} of ${run.sent} requests lost`);
  return { failure, perSecond, ...run };
}

/** With moments on the clock of `performance.now()`. */
export type TimedRound = FailoverRound & {
  readonly failedAtMs: number;
  readonly answeredAtMs: number;
  readonly oldTerm: number;
};

async function failOnce(
  cluster: ThrowawayCluster,
  asking: PacedAsking,
  failure: Failure,
  signal: AbortSignal,
): Promise<TimedRound> {
  const old = await settled(cluster);
  const failedAtMs = performance.now();
  process.kill(old.pid, failure);
  try {
    const wanted = {
      what: "a leader of a newer term answers",
      msMax: backMsMax,
      fits: (server: string) => termOf(server) > old.term,
    };
    const { answeredAtMs } = await firstAnswer(cluster, asking, wanted, signal);
    const next = await leaderAfter(cluster, old);
    const leftMs = Math.max(0, failedAtMs + afterMs - performance.now());
    await delay(leftMs, undefined, { signal });
    return { ...(await story(old, next, failedAtMs, answeredAtMs)), oldTerm: old.term };
  } finally {
    if (failure === "SIGSTOP") wake(old.pid);
  }
}

async function leaderAfter(cluster: ThrowawayCluster, old: Leader): Promise<Leader> {
  let next: Leader | undefined;
  await cluster.until("the agent knows the new leader", backMsMax, async () => {
    next = await currentLeader(cluster);
    return next !== undefined && next.term > old.term;
  });
  if (next === undefined) throw new Error("nobody leads");
  return next;
}

async function story(
  old: Leader,
  next: Leader,
  failedAtMs: number,
  answeredAtMs: number,
): Promise<Omit<TimedRound, "oldTerm">> {
  const history = await historyOf(next);
  const own = history.find(({ term }) => term === next.term);
  const before = history.findLast(({ term }) => term < next.term);
  const split =
    own === undefined || before?.electMs === undefined
      ? undefined
      : splitOf({
          failedAtMs,
          answeredAtMs,
          electedAtMs: own.fromMs - performance.timeOrigin,
          electMs: before.electMs,
        });
  return {
    before: old.name,
    after: next.name,
    terms: next.term - old.term,
    totalMs: answeredAtMs - failedAtMs,
    split,
    notedDetectMs: before?.detectMs,
    failedAtMs,
    answeredAtMs,
  };
}

/** It may have been replaced meanwhile. */
function wake(pid: number): void {
  try {
    process.kill(pid, "SIGCONT");
  } catch {
    // The agent was faster.
  }
}

/** Pure: what the answers around the failures say. */
export function summarize(
  answers: readonly Answer[],
  rounds: readonly TimedRound[],
): Omit<FailoverRun, "failure" | "perSecond"> {
  const timeline = Array.from({ length: (beforeMs + afterMs) / sliceMs }, (_, index) => ({
    ...{ fromMs: index * sliceMs - beforeMs, old: 0, next: 0, lost: 0 },
  }));
  for (const { failedAtMs, oldTerm } of rounds) {
    for (const { server, answeredAtMs } of answers) {
      const slice = timeline[Math.floor((answeredAtMs - failedAtMs + beforeMs) / sliceMs)];
      const term = server === undefined ? undefined : termOf(server);
      if (slice !== undefined) {
        slice[term === undefined ? "lost" : term > oldTerm ? "next" : "old"] += 1;
      }
    }
  }
  const moments = rounds.map(({ failedAtMs, answeredAtMs: backAtMs }) => ({
    failedAtMs,
    backAtMs,
  }));
  return {
    rounds: rounds.map(({ failedAtMs: _, answeredAtMs: __, oldTerm: ___, ...round }) => round),
    ...lossesOf(answers),
    stale: staleCount(answers),
    slowestMs: slowestBetween(answers, moments),
    timeline,
  };
}

/** Answers come in the order of their arrival, which is the order of terms unless one was stale. */
function staleCount(answers: readonly Answer[]): number {
  let term = 0;
  let sinceMs = 0;
  let stale = 0;
  for (const { server, sentAtMs, answeredAtMs } of answers) {
    if (server === undefined) continue;
    const own = termOf(server);
    if (own > term) [term, sinceMs] = [own, answeredAtMs];
    else if (own < term && sentAtMs > sinceMs) stale += 1;
  }
  return stale;
}
