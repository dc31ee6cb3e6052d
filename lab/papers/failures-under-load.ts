/** A service that fails again and again under a steady load: what two papers measure of it alike. */
import type { ThrowawayCluster } from "../chaos/throwaway-cluster.ts";
import { type Answer, isLost, type PacedAsking } from "./asking.ts";
import type { RunContext } from "./run-paper.ts";

export type FailureOptions = RunContext & {
  readonly kills: number;
  readonly perSecond: number;
  readonly seed: number;
};

/** Width of the slices of time in which answers around a failure are counted. */
export const sliceMs = 20;
const lostHowMax = 5;

export type Losses = {
  readonly sent: number;
  readonly lost: number;
  /** The first few of the lost, in words. */
  readonly lostHow: readonly string[];
};

export function lossesOf(answers: readonly Answer[]): Losses {
  const lost = answers.filter(isLost);
  return {
    sent: answers.length,
    lost: lost.length,
    lostHow: lost.slice(0, lostHowMax).map(({ status, failure }) => failure ?? `status ${status}`),
  };
}

/** The longest time that a request took which was under way or sent between failure and return. */
export function slowestBetween(
  answers: readonly Answer[],
  failures: readonly { readonly failedAtMs: number; readonly backAtMs: number }[],
): number {
  let slowestMs = 0;
  for (const { failedAtMs, backAtMs } of failures) {
    for (const { sentAtMs, answeredAtMs } of answers) {
      const overlaps = answeredAtMs >= failedAtMs && sentAtMs < backAtMs;
      if (overlaps) slowestMs = Math.max(slowestMs, answeredAtMs - sentAtMs);
    }
  }
  return slowestMs;
}

/** The first answer from now on whose server fits. */
export async function firstAnswer(
  cluster: ThrowawayCluster,
  asking: PacedAsking,
  wanted: {
    readonly what: string;
    readonly msMax: number;
    readonly fits: (server: string) => boolean;
  },
  signal: AbortSignal,
): Promise<Answer> {
  let looked = asking.answers.length;
  let first: Answer | undefined;
  await cluster.until(wanted.what, wanted.msMax, () => {
    signal.throwIfAborted();
    for (; looked < asking.answers.length && first === undefined; looked++) {
      const answer = asking.answers[looked];
      if (answer?.server !== undefined && wanted.fits(answer.server)) first = answer;
    }
    return first !== undefined;
  });
  if (first === undefined) throw new Error(`${wanted.what}: never`);
  return first;
}
