/**
 * One run, as data, and what a harness has to offer so that seeds can be searched, failures made
 * smaller and traces played again.
 *
 * A seed draws a plan; a plan without chance (`misfortunes` listed) is what a minimised trace holds.
 */
import type { TimedFault } from "./fault.ts";
import type { Misfortune, NetworkOptions } from "./network.ts";
import type { Recorder } from "./trace.ts";

export type Plan = {
  readonly harness: string;
  readonly seed: number;
  readonly nodes: number;
  readonly network: NetworkOptions;
  readonly faults: readonly TimedFault[];
  /** Listed: these happen to messages and no others. `undefined`: the network draws. */
  readonly misfortunes: readonly Misfortune[] | undefined;
  /** Reacts during the run; its faults are listed in a plan without chance, so it is off there. */
  readonly nemesis: string | undefined;
  /** What was broken on purpose; `undefined` for the true program. */
  readonly mutant: string | undefined;
  /** Faults end here; then the world is healed, judged and left in peace. */
  readonly stormMs: number;
  /** What else the harness has drawn. JSON only. */
  readonly settings: Readonly<Record<string, number | string | boolean>>;
};

/** How often things happened, so that a clean campaign can prove that it was not an idle one. */
export type Tally = Readonly<Record<string, number>>;

export type Outcome = {
  readonly violation:
    | { readonly promise: string; readonly sentence: string; readonly atMs: number }
    | undefined;
  readonly virtualMs: number;
  readonly steps: number;
  readonly tally: Tally;
  /** Everything that was done to this world: with it the plan repeats itself without chance. */
  readonly faults: readonly TimedFault[];
  readonly misfortunes: readonly Misfortune[] | undefined;
};

export type Search = {
  readonly seed: number;
  readonly mutant: string | undefined;
  /** One of the harness's modes or sizes; drawn when undefined. */
  readonly choices: Readonly<Record<string, string>>;
};

export type Mutant = {
  readonly name: string;
  /** What was broken, in words. */
  readonly says: string;
  /** Seeds within which it must be caught. */
  readonly budget: number;
  /** Where to look: what seeds would draw otherwise. */
  readonly choices: Readonly<Record<string, string>>;
};

export type Recording = { readonly recorder?: Recorder; readonly isListing?: boolean };

/** Something that is measured rather than searched: a table, and whether it is as it should be. */
export type Study = {
  readonly name: string;
  readonly says: string;
  run(say: (line: string) => void): StudyTable;
};

export type StudyTable = {
  readonly text: string;
  readonly holds: boolean;
  readonly rows: readonly Readonly<Record<string, number | string>>[];
};

export interface Harness {
  readonly name: string;
  readonly says: string;
  readonly mutants: readonly Mutant[];
  readonly studies: readonly Study[];
  /** Kinds of messages that a drawing keeps in the background. */
  readonly quietKinds: readonly string[];
  draw(search: Search): Plan;
  run(plan: Plan, recording?: Recording): Outcome;
}

/** The same run without chance: everything that happened is in the plan. */
export function listed(harness: Harness, plan: Plan): Plan {
  const { faults, misfortunes } = harness.run(plan, { isListing: true });
  return { ...plan, faults, misfortunes: misfortunes ?? [], nemesis: undefined };
}
