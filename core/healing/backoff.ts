/**
 * How long to wait before the next restart: the first one at once, then a random time between
 * 200 ms and three times the previous one, at most a minute. Random, so that instances which died
 * together do not come back together, and forgetting, so that one bad day is not held against an
 * instance for ever.
 *
 * Source: "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), decorrelated jitter.
 */
import { draw, type Rng } from "../kernel/index.ts";

export const backoffMsMin = 200;
export const backoffMsMax = 60_000;
const growth = 3;

/** Undefined: the next restart happens at once. */
export type Backoff = { readonly previousMs: number | undefined };

export const freshBackoff: Backoff = { previousMs: undefined };

/** Draws the pause before the next restart, in [0, 60,000] ms. */
export function nextPause(
  backoff: Backoff,
  rng: Rng,
): { readonly pauseMs: number; readonly backoff: Backoff; readonly rng: Rng } {
  if (backoff.previousMs === undefined) return { pauseMs: 0, backoff: { previousMs: 0 }, rng };
  const drawn = draw(rng);
  const mostMs = Math.max(backoffMsMin, growth * Math.max(backoff.previousMs, backoffMsMin));
  const pauseMs = Math.min(backoffMsMax, backoffMsMin + drawn.value * (mostMs - backoffMsMin));
  return { pauseMs, backoff: { previousMs: pauseMs }, rng: drawn.rng };
}

const stableMsMin = 30_000;
const stableStartups = 10;

/**
 * How long a copy must have served before its past is forgotten: 30 s or ten times what it usually
 * takes to start, so that a program which needs a minute to start and dies a minute later is not
 * taken for a stable one.
 */
export function stableAfterMs(startupsMs: readonly number[]): number {
  return Math.max(stableMsMin, stableStartups * median(startupsMs));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
