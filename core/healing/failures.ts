/**
 * What one instance failed of lately, and whether trying again still makes sense.
 *
 * Two reasons to park: a start fault that a restart cannot mend, on its second hit, and a crash
 * loop: the same fingerprint five times in two minutes, or five times in a row without ever having
 * served, however long each attempt took.
 *
 * A copy that served and was then killed from outside (SIGKILL, SIGTERM and the like) is not the
 * program's failure: it was taken away, and comes back at once. A budget of 60 such restarts, one
 * more every two seconds, keeps a memory killer from turning that into a hot loop.
 */
import { type Evidence, fingerprintOf, noEvidence } from "./fingerprint.ts";
import { faultOfExit, type StartFault } from "./start-fault.ts";

export type Failure = {
  readonly atMs: number;
  readonly incarnation: number;
  /** For people, without a subject: "exited with code 3". */
  readonly ending: string;
  readonly exitCode: number | undefined;
  readonly served: boolean;
  readonly fingerprint: string;
  readonly fault: StartFault | undefined;
  readonly errorLine: string | undefined;
};

const failuresKeptMax = 16;
const loopCount = 5;
const loopWindowMs = 120_000;
const faultCount = 2;

/** What can be said at the instant of the failure, before anybody read a log. */
export function failureOf(
  facts: Pick<Failure, "atMs" | "incarnation" | "ending" | "exitCode" | "served">,
  fault?: StartFault,
): Failure {
  const known = fault ?? (facts.served ? undefined : faultOfExit(facts.exitCode, noEvidence));
  const fingerprint = fingerprintOf(facts.ending, noEvidence);
  return { ...facts, fingerprint, fault: known, errorLine: undefined };
}

export function remember(failures: readonly Failure[], failure: Failure): readonly Failure[] {
  return [...failures, failure].slice(-failuresKeptMax);
}

/** Adds what the log told to the failure of that incarnation. */
export function diagnose(
  failures: readonly Failure[],
  incarnation: number,
  evidence: Evidence,
): readonly Failure[] {
  return failures.map((failure) =>
    failure.incarnation !== incarnation
      ? failure
      : {
          ...failure,
          fingerprint: fingerprintOf(failure.ending, evidence),
          fault:
            failure.fault ?? (failure.served ? undefined : faultOfExit(failure.exitCode, evidence)),
          errorLine: evidence.errorLine,
        },
  );
}

export type Parking = { readonly why: string; readonly fix: string };

/** Says why to stop trying, or undefined when another try is worth it. */
export function parkingOf(failures: readonly Failure[], name: string): Parking | undefined {
  const last = failures.at(-1);
  if (last === undefined) return undefined;
  const mended = `Then run "prunella restart ${name}".`;
  const { fault } = last;
  if (fault !== undefined && rowOf(failures, (other) => sameFault(other, last)) >= faultCount) {
    return {
      why: `it cannot start (${fault.kind}): ${describe(last)}`,
      fix: `${fault.fix} ${mended}`,
    };
  }
  const inWindow = failures.filter(
    (other) => other.fingerprint === last.fingerprint && last.atMs - other.atMs <= loopWindowMs,
  ).length;
  const inRow = rowOf(failures, (other) => !other.served && other.fingerprint === last.fingerprint);
  if (inWindow < loopCount && inRow < loopCount) return undefined;
  const count = Math.max(inWindow, inRow);
  return {
    why: `crash loop (${last.fingerprint}): it ${describe(last)}, ${count} times alike`,
    fix: `"prunella logs ${name}" shows its last words. Mend the program. ${mended}`,
  };
}

/** The ending and, where known, the error line. */
export function describe(failure: Failure): string {
  const { ending, errorLine } = failure;
  return errorLine === undefined ? ending : `${ending} (${errorLine})`;
}

function sameFault(one: Failure, other: Failure): boolean {
  return !one.served && one.fault?.kind === other.fault?.kind;
}

function rowOf(failures: readonly Failure[], fits: (failure: Failure) => boolean): number {
  const breakAt = failures.findLastIndex((failure) => !fits(failure));
  return failures.length - 1 - breakAt;
}

/** Restarts that are free because somebody outside took the copy away. */
export type TakenBudget = { readonly tokens: number; readonly atMs: number };

const takenMax = 60;
const takenRefillMs = 2_000;

export const fullTakenBudget: TakenBudget = { tokens: takenMax, atMs: 0 };

/** Signals that come from outside; SIGSEGV, SIGABRT and their like are the program's own. */
const outsideSignals: readonly string[] = ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"];

/** True when the ending says nothing against the program. An ending that nobody saw does not. */
export function wasTaken(code: number | undefined, signal: string | undefined): boolean {
  if (signal !== undefined) return outsideSignals.includes(signal);
  return code === undefined;
}

/** Takes a token, or says undefined when there is none left. */
export function spend(budget: TakenBudget, atMs: number): TakenBudget | undefined {
  const refilled = (atMs - budget.atMs) / takenRefillMs;
  const tokens = Math.min(takenMax, budget.tokens + refilled);
  return tokens < 1 ? undefined : { tokens: tokens - 1, atMs };
}
