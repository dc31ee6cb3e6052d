/**
 * After the end of a copy: was it asked for, was it taken away, or did it fail? And then: again at
 * once, again later, or not for now.
 */
import { launch } from "./arrival.ts";
import { freshBackoff, nextPause, stableAfterMs } from "./backoff.ts";
import { finish } from "./departure.ts";
import {
  describe,
  diagnose,
  type Failure,
  failureOf,
  parkingOf,
  remember,
  spend,
  wasTaken,
} from "./failures.ts";
import {
  type Decision,
  fact,
  type LifecycleEffect,
  type LifecycleState,
  prefixed,
  type Stage,
  stay,
  type Told,
} from "./lifecycle-model.ts";
import { faultOfLaunch } from "./start-fault.ts";

const parkedRetryMs = 60_000;

export function onExited(state: LifecycleState, event: Told<"exited">): Decision {
  const { stage } = state;
  const { atMs, incarnation, code, signal } = event;
  if (!("incarnation" in stage) || stage.incarnation !== incarnation) return stay(state);
  const isLeaving = stage.at === "draining" || stage.at === "terminating" || stage.at === "killing";
  const cause = isLeaving ? stage.cause : undefined;
  const expected = cause?.kind === "asked";
  const readyAtMs = "readyAtMs" in stage ? stage.readyAtMs : undefined;
  const ending = endingOf(code, signal, expected);
  const servedMs = readyAtMs === undefined ? undefined : Math.round(atMs - readyAtMs);
  const said: LifecycleEffect[] = [
    ...(isLeaving ? [] : [{ type: "unwatch" } as const]),
    fact("exited", incarnation, ending, {
      code: code ?? null,
      signal: signal ?? null,
      expected,
      servedMs: servedMs ?? null,
    }),
  ];
  if (state.wanted === "stop") return prefixed(finish(state), ...said);
  if (expected) return prefixed(launch(state, atMs), ...said);

  const settled = isStable(state, servedMs) ? forgive(state) : state;
  const budget = spend(state.takenBudget, atMs);
  if (
    cause === undefined &&
    servedMs !== undefined &&
    wasTaken(code, signal) &&
    budget !== undefined
  ) {
    const taken = { ...settled, takenBudget: budget, reason: `${ending}; starts again` };
    const again = fact("restarting", incarnation, `starts again at once: it ${ending}`, {
      asked: false,
    });
    return prefixed(launch(taken, atMs), ...said, again);
  }
  const failure = failureOf({
    atMs,
    incarnation,
    ending: cause?.kind === "failed" ? cause.ending : ending,
    exitCode: code,
    served: servedMs !== undefined,
  });
  // Looking into the log comes last: nothing of the way back may wait for a disk.
  const isOwnDoing =
    signal === undefined ? code !== undefined && code !== 0 : !wasTaken(code, signal);
  const look: LifecycleEffect[] =
    cause === undefined && isOwnDoing ? [{ type: "diagnose", incarnation }] : [];
  const next = prefixed(fail(settled, failure, atMs), ...said);
  return { state: next.state, effects: [...next.effects, ...look] };
}

export function onLaunchFailed(state: LifecycleState, event: Told<"launch-failed">): Decision {
  const { stage } = state;
  const { atMs, incarnation, code, message } = event;
  if (stage.at !== "launching" || stage.incarnation !== incarnation) return stay(state);
  if (state.wanted === "stop") return finish(state);
  const ending = `could not be launched: ${message}`;
  const said = fact("launch-failed", incarnation, ending, { code });
  const facts = { atMs, incarnation, ending, exitCode: undefined, served: false };
  // What hindered the launch is still there a millisecond later: even the first retry has a pause.
  const paced = { ...state, backoff: { previousMs: state.backoff.previousMs ?? 0 } };
  return prefixed(fail(paced, failureOf(facts, faultOfLaunch(code)), atMs), said);
}

/** Remembers the failure, then: again at once, again later, or not for now. */
function fail(state: LifecycleState, failure: Failure, atMs: number): Decision {
  const failures = remember(state.failures, failure);
  const failed: LifecycleState = { ...state, failures };
  const parking = parkingOf(failures, state.config.name);
  if (parking !== undefined || state.onParole) return park(failed, atMs);
  const next = nextPause(state.backoff, state.rng);
  const paced = { ...failed, backoff: next.backoff, rng: next.rng };
  const { incarnation } = failure;
  if (next.pauseMs === 0) {
    const message = `starts again at once: it ${describe(failure)}`;
    const again = fact("restarting", incarnation, message, { asked: false });
    return prefixed(launch({ ...paced, reason: message }, atMs), again);
  }
  const pauseMs = Math.round(next.pauseMs);
  const reason = `${describe(failure)}; waits ${pauseMs} ms before it starts again`;
  return {
    state: { ...paced, stage: { at: "waiting", untilMs: atMs + pauseMs }, reason },
    effects: [fact("backing-off", incarnation, reason, { pauseMs })],
  };
}

function park(state: LifecycleState, atMs: number): Decision {
  const last = state.failures.at(-1);
  const parking = parkingOf(state.failures, state.config.name) ?? {
    why: `it failed again after it had been parked: ${last === undefined ? "" : describe(last)}`,
    fix: state.fix ?? `"prunella logs ${state.config.name}" shows its last words.`,
  };
  const reason = `parked: ${parking.why}; tries again in ${parkedRetryMs / 1_000} s`;
  const stage: Stage = { at: "parked", sinceMs: atMs, untilMs: atMs + parkedRetryMs };
  return {
    state: { ...state, stage, onParole: true, reason, fix: parking.fix },
    effects: [
      fact("parked", state.incarnation, `${reason}. ${parking.fix}`, {
        fix: parking.fix,
        fingerprint: last?.fingerprint ?? null,
        retryMs: parkedRetryMs,
      }),
    ],
  };
}

export function onDiagnosed(state: LifecycleState, event: Told<"diagnosed">): Decision {
  const { incarnation, evidence, atMs } = event;
  const failures = diagnose(state.failures, incarnation, evidence);
  const last = failures.at(-1);
  if (last?.incarnation !== incarnation || evidence.errorLine === undefined) return stay(state);
  const known: LifecycleState = { ...state, failures };
  const said = fact("diagnosed", incarnation, `its last words: ${evidence.errorLine}`, {
    fingerprint: last.fingerprint,
    fault: last.fault?.kind ?? null,
  });
  const { at } = state.stage;
  const parks = parkingOf(failures, state.config.name) !== undefined;
  if (parks && (at === "waiting" || at === "parked")) return prefixed(park(known, atMs), said);
  if (at !== "waiting") return { state: known, effects: [said] };
  const reason = `${describe(last)}; waits before it starts again`;
  return { state: { ...known, reason }, effects: [said] };
}

/** Forgets the past: it served long enough, or somebody decided to begin anew. */
export function forgive(state: LifecycleState): LifecycleState {
  return { ...state, failures: [], backoff: freshBackoff, onParole: false };
}

function isStable(state: LifecycleState, servedMs: number | undefined): boolean {
  return servedMs !== undefined && servedMs > stableAfterMs(state.startupsMs);
}

function endingOf(code: number | undefined, signal: string | undefined, expected: boolean): string {
  const asked = expected ? ", as asked" : "";
  if (signal !== undefined) return `was ended by ${signal}${asked}`;
  if (code === undefined) return `ended and nobody saw how${asked}`;
  if (code === 0 && !expected) return "exited with code 0 although it should go on";
  return `exited with code ${code}${asked}`;
}
