/**
 * The words of the lifecycle machine: its state, what it is told and what it asks for.
 * `lifecycle.ts` says what it promises.
 */
import type { Rng, Step } from "../kernel/index.ts";
import type { Backoff } from "./backoff.ts";
import type { Fact, FactType } from "./fact.ts";
import type { Failure, TakenBudget } from "./failures.ts";
import type { Evidence } from "./fingerprint.ts";

export type LifecycleConfig = {
  /** For sentences that name it. */
  readonly name: string;
  /** From launch to the first good probe. */
  readonly startupMs: number;
  /** What an adopted copy gets to answer its first probe, however old it is. */
  readonly adoptionMs: number;
  readonly drainMs: number;
  readonly graceMs: number;
};

/** Why a copy is being ended: because somebody asked, or because of what it did. */
export type Cause =
  | { readonly kind: "asked" }
  | { readonly kind: "failed"; readonly ending: string };

export type Stage =
  | { readonly at: "waiting"; readonly untilMs: number }
  | {
      readonly at: "launching";
      readonly incarnation: number;
      readonly sinceMs: number;
      /** When to say that the host is silent; undefined once said. */
      readonly sayAtMs: number | undefined;
    }
  | {
      readonly at: "starting";
      readonly incarnation: number;
      readonly sinceMs: number;
      readonly deadlineMs: number;
    }
  | {
      readonly at: "serving";
      readonly incarnation: number;
      readonly sinceMs: number;
      readonly readyAtMs: number;
      readonly isSuspect: boolean;
    }
  | {
      readonly at: "draining";
      readonly incarnation: number;
      readonly untilMs: number;
      readonly graceMs: number;
      readonly readyAtMs: number | undefined;
      readonly cause: Cause;
    }
  | {
      readonly at: "terminating";
      readonly incarnation: number;
      readonly killAtMs: number;
      readonly readyAtMs: number | undefined;
      readonly cause: Cause;
    }
  | {
      readonly at: "killing";
      readonly incarnation: number;
      readonly againAtMs: number;
      readonly tryCount: number;
      readonly readyAtMs: number | undefined;
      readonly cause: Cause;
    }
  | { readonly at: "parked"; readonly sinceMs: number; readonly untilMs: number }
  | { readonly at: "ended" };

export type LifecycleState = {
  readonly config: LifecycleConfig;
  readonly rng: Rng;
  readonly wanted: "run" | "stop";
  readonly stage: Stage;
  /** The highest that is known; 0 before the first launch. */
  readonly incarnation: number;
  /** Served at least once since it was wanted. */
  readonly served: boolean;
  readonly backoff: Backoff;
  readonly failures: readonly Failure[]; // At most 16.
  readonly takenBudget: TakenBudget;
  /** It was parked and has not been stable since: the next failure parks it again. */
  readonly onParole: boolean;
  readonly startupsMs: readonly number[]; // At most 5.
  /** One sentence for people: why it is in this stage. */
  readonly reason: string;
  readonly fix: string | undefined;
};

export type LifecycleEvent =
  | { readonly type: "tick"; readonly atMs: number }
  /**
   * `run` also wakes a parked instance; `wake` cuts any wait short because the obstacle is gone;
   * `restart` ends the copy politely and begins with a clean slate.
   */
  | {
      readonly type: "want";
      readonly atMs: number;
      readonly what: "run" | "stop" | "restart" | "wake";
      readonly why: string;
    }
  | { readonly type: "launched"; readonly atMs: number; readonly incarnation: number }
  | {
      readonly type: "launch-failed";
      readonly atMs: number;
      readonly incarnation: number;
      readonly code: string;
      readonly message: string;
    }
  /** A copy runs that this machine did not launch, or whose launch it never heard of. */
  | {
      readonly type: "adopted";
      readonly atMs: number;
      readonly incarnation: number;
      readonly ageMs: number;
    }
  | {
      readonly type: "exited";
      readonly atMs: number;
      readonly incarnation: number;
      readonly code: number | undefined;
      readonly signal: string | undefined;
    }
  | {
      readonly type: "diagnosed";
      readonly atMs: number;
      readonly incarnation: number;
      readonly evidence: Evidence;
    }
  | {
      readonly type: "judged";
      readonly atMs: number;
      readonly incarnation: number;
      readonly verdict: "well" | "doubtful" | "sick";
      readonly detail: string;
    }
  | {
      readonly type: "verified";
      readonly atMs: number;
      readonly incarnation: number;
      /** Who listens on our port, when it is not this copy. */
      readonly stranger: string | undefined;
    }
  | { readonly type: "drained"; readonly atMs: number; readonly incarnation: number }
  | {
      readonly type: "lifecycle-configured";
      readonly atMs: number;
      readonly config: LifecycleConfig;
    };

/**
 * `launch` is answered by `launched`, `launch-failed` or `adopted`; `verify` by `verified`; `drain`
 * by `drained`; `diagnose` by `diagnosed`; `terminate` and `kill` by `exited`, sooner or later.
 */
export type LifecycleEffect =
  | { readonly type: "launch"; readonly incarnation: number }
  | { readonly type: "watch"; readonly incarnation: number }
  | { readonly type: "unwatch" }
  | { readonly type: "verify"; readonly incarnation: number }
  | { readonly type: "diagnose"; readonly incarnation: number }
  | { readonly type: "drain"; readonly incarnation: number; readonly boundMs: number }
  | { readonly type: "terminate" | "kill"; readonly incarnation: number }
  | {
      readonly type: "record";
      readonly fact: FactType;
      readonly incarnation: number;
      readonly message: string;
      readonly data: Fact["data"];
    };

export type Decision = Step<LifecycleState, LifecycleEffect>;

/** The stage of that name. */
export type Staged<At extends Stage["at"]> = Extract<Stage, { at: At }>;

/** The event of that name. */
export type Told<Type extends LifecycleEvent["type"]> = Extract<LifecycleEvent, { type: Type }>;

export function fact(
  type: FactType,
  incarnation: number,
  message: string,
  data: Fact["data"],
): LifecycleEffect {
  return { type: "record", fact: type, incarnation, message, data };
}

export function prefixed(decision: Decision, ...effects: readonly LifecycleEffect[]): Decision {
  return { state: decision.state, effects: [...effects, ...decision.effects] };
}

export function stay(state: LifecycleState): Decision {
  return { state, effects: [] };
}
