/**
 * Makes a failing run small: takes faults and misfortunes away while the same promise breaks.
 *
 * Delta debugging over both lists at once: ever finer parts are left out until no single thing can
 * be. What remains is rarely more than a handful, and each of them is needed.
 *
 * Source: A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002).
 */
import type { TimedFault } from "./fault.ts";
import type { Misfortune } from "./network.ts";
import { type Harness, listed, type Outcome, type Plan } from "./plan.ts";

export type Minimised = {
  readonly plan: Plan;
  readonly outcome: Outcome;
  readonly runs: number;
  readonly from: number;
  readonly to: number;
};

type Item = { readonly fault: TimedFault } | { readonly misfortune: Misfortune };

/** `undefined` when the plan does not fail. `runsMost` bounds the work; the best found is returned. */
export function minimise(harness: Harness, plan: Plan, runsMost = 2_000): Minimised | undefined {
  const first = harness.run(plan);
  if (first.violation === undefined) return undefined;
  const { promise } = first.violation;
  const whole = listed(harness, plan);
  let best = harness.run(whole);
  if (best.violation?.promise !== promise) return undefined;
  let items = itemsOf(whole);
  const from = items.length;
  let runs = 3;
  const tries = (candidate: readonly Item[]): boolean => {
    runs += 1;
    const outcome = harness.run(withItems(whole, candidate));
    if (outcome.violation?.promise !== promise) return false;
    best = outcome;
    items = candidate;
    return true;
  };
  let parts = 2;
  while (items.length > 0 && runs < runsMost) {
    const size = Math.ceil(items.length / parts);
    const isSmaller = starts(items.length, size).some(
      (start) => runs < runsMost && tries(without(items, start, size)),
    );
    if (isSmaller) parts = Math.max(2, parts - 1);
    else if (size === 1) break;
    else parts = Math.min(items.length, parts * 2);
  }
  return { plan: withItems(whole, items), outcome: best, runs, from, to: items.length };
}

/** Later things first: what happened after the violation's cause goes in few runs. */
function starts(length: number, size: number): readonly number[] {
  const count = Math.ceil(length / size);
  return Array.from({ length: count }, (_, part) => (count - 1 - part) * size);
}

function without(items: readonly Item[], start: number, size: number): readonly Item[] {
  return items.filter((_, index) => index < start || index >= start + size);
}

function itemsOf({ faults, misfortunes }: Plan): readonly Item[] {
  return [
    ...(misfortunes ?? []).map((misfortune) => ({ misfortune })),
    ...faults.map((fault) => ({ fault })),
  ];
}

function withItems(plan: Plan, items: readonly Item[]): Plan {
  return {
    ...plan,
    faults: items.flatMap((item) => ("fault" in item ? [item.fault] : [])),
    misfortunes: items.flatMap((item) => ("misfortune" in item ? [item.misfortune] : [])),
  };
}
