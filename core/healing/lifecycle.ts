/**
 * The life of one instance: when to launch, when to end, when to wait and when to give up.
 *
 *   waiting -> launching -> starting -> serving <-> serving (suspect)
 *      ^           |            |          |
 *      |           |            |          | sick, restart, stop
 *      |           v            v          v
 *      +------- (ended) <- terminating <- draining        parked: tries again every 60 s
 *      +------------------- killing <--'                  ended: wanted no more, and gone
 *
 * Invariants, checked under random faults by `lifecycle-simulation.test.ts`:
 *   L1  Between two launches of an instance the first one ended, or its launch failed.
 *   L2  Every launch has a higher incarnation than any that was ever known.
 *   L3  Once it is wanted no more nothing is launched, and it reaches `ended` within its drain and
 *       grace time when the host obeys.
 *   L4  A wait has an end: at most 60 s, whatever happened before.
 *   L5  Parking is said aloud: a `parked` fact that carries the fix.
 *   L6  SIGKILL only after SIGTERM and its grace time; no signal to a copy that is known to be gone.
 *   L7  It serves only after a good probe of this incarnation, on a port that this copy owns.
 *   L8  When faults stop, a wanted instance serves again within a bound.
 *
 * L1 holds because `launch` leaves only from stages that hold no copy, and those are entered only
 * by the end of the copy or by a launch that failed. A copy that was found (the agent died and came
 * back) enters through `adopted` and is treated as if this machine had launched it.
 */
import { rngFrom, unreachable } from "../kernel/index.ts";
import { forgive, onDiagnosed, onExited, onLaunchFailed } from "./aftermath.ts";
import {
  launch,
  missStartup,
  onAdopted,
  onLaunched,
  onVerified,
  sayHostIsSilent,
  servingReason,
} from "./arrival.ts";
import { freshBackoff } from "./backoff.ts";
import { end, finish, kill, terminate } from "./departure.ts";
import { fullTakenBudget } from "./failures.ts";
import {
  type Cause,
  type Decision,
  fact,
  type LifecycleConfig,
  type LifecycleEvent,
  type LifecycleState,
  prefixed,
  type Staged,
  stay,
  type Told,
} from "./lifecycle-model.ts";

/** A parked instance that is wanted again waits this long since it was parked: apply may repeat. */
const parkedWakeMs = 2_000;

/** `incarnation` is the highest that was ever known of this name; 0 for a new one. */
export function startLifecycle(
  config: LifecycleConfig,
  seed: number,
  incarnation: number,
): LifecycleState {
  return {
    config,
    rng: rngFrom(seed),
    wanted: "run",
    stage: { at: "waiting", untilMs: 0 },
    incarnation,
    served: false,
    backoff: freshBackoff,
    failures: [],
    takenBudget: fullTakenBudget,
    onParole: false,
    startupsMs: [],
    reason: "about to be launched",
    fix: undefined,
  };
}

/** When the driver must feed a `tick` at the latest. */
export function wakeLifecycleAtMs({ stage }: LifecycleState): number {
  switch (stage.at) {
    case "waiting":
    case "draining":
    case "parked":
      return stage.untilMs;
    case "launching":
      return stage.sayAtMs ?? Number.POSITIVE_INFINITY;
    case "starting":
      return stage.deadlineMs;
    case "terminating":
      return stage.killAtMs;
    case "killing":
      return stage.againAtMs;
    case "serving":
    case "ended":
      return Number.POSITIVE_INFINITY;
    default:
      return unreachable(stage);
  }
}

export function stepLifecycle(state: LifecycleState, event: LifecycleEvent): Decision {
  switch (event.type) {
    case "tick":
      return event.atMs < wakeLifecycleAtMs(state) ? stay(state) : onDue(state, event.atMs);
    case "want":
      return onWant(state, event);
    case "launched":
      return onLaunched(state, event);
    case "launch-failed":
      return onLaunchFailed(state, event);
    case "adopted":
      return onAdopted(state, event);
    case "exited":
      return onExited(state, event);
    case "diagnosed":
      return onDiagnosed(state, event);
    case "judged":
      return onJudged(state, event);
    case "verified":
      return onVerified(state, event);
    case "drained":
      return state.stage.at === "draining" && state.stage.incarnation === event.incarnation
        ? terminate(state, state.stage, event.atMs)
        : stay(state);
    case "lifecycle-configured":
      return stay({ ...state, config: event.config });
    default:
      return unreachable(event);
  }
}

/** Something in `wakeLifecycleAtMs` is due. */
function onDue(state: LifecycleState, atMs: number): Decision {
  const { stage } = state;
  switch (stage.at) {
    case "waiting":
    case "parked":
      return launch(state, atMs);
    case "launching":
      return sayHostIsSilent(state, stage);
    case "starting":
      return missStartup(state, stage, atMs);
    case "draining":
      return terminate(state, stage, atMs);
    case "terminating":
    case "killing":
      return kill(state, stage, atMs);
    case "serving":
    case "ended":
      return stay(state);
    default:
      return unreachable(stage);
  }
}

function onWant(state: LifecycleState, event: Told<"want">): Decision {
  const { stage } = state;
  const { atMs, what, why } = event;
  switch (what) {
    case "stop":
      return stop(state, why, atMs);
    case "wake":
      return stage.at === "waiting" && state.wanted === "run" ? launch(state, atMs) : stay(state);
    case "run": {
      const served = state.wanted === "run" && state.served;
      const wanted: LifecycleState = { ...state, wanted: "run", served };
      if (stage.at === "ended") return launch(wanted, atMs);
      if (stage.at !== "parked") return stay(wanted);
      const untilMs = Math.min(stage.untilMs, Math.max(atMs, stage.sinceMs + parkedWakeMs));
      if (untilMs <= atMs) return launch(wanted, atMs);
      return stay({ ...wanted, stage: { ...stage, untilMs } });
    }
    case "restart":
      return restart(state, why, atMs);
    default:
      return unreachable(what);
  }
}

function stop(state: LifecycleState, why: string, atMs: number): Decision {
  const { stage } = state;
  const stopping: LifecycleState = { ...state, wanted: "stop", reason: why, fix: undefined };
  switch (stage.at) {
    case "waiting":
    case "parked":
      return finish(stopping);
    case "starting":
    case "serving":
      return end(stopping, stage, { kind: "asked" }, why, atMs);
    default:
      return stay(stopping); // A copy on its way out goes on; a launch ends as soon as it is answered.
  }
}

function restart(state: LifecycleState, why: string, atMs: number): Decision {
  const { stage } = state;
  if (state.wanted === "stop") return stay(state);
  const clean = forgive({ ...state, reason: why, fix: undefined });
  switch (stage.at) {
    case "waiting":
    case "parked":
      return prefixed(
        launch(clean, atMs),
        fact("restarting", clean.incarnation, why, { asked: true }),
      );
    case "starting":
    case "serving":
      return prefixed(
        end(clean, stage, { kind: "asked" }, why, atMs),
        fact("restarting", stage.incarnation, why, { asked: true }),
      );
    case "draining":
    case "terminating":
    case "killing":
      return stay({ ...clean, stage: { ...stage, cause: { kind: "asked" } } });
    default:
      return stay(clean); // A new incarnation is on its way.
  }
}

function onJudged(state: LifecycleState, event: Told<"judged">): Decision {
  const { stage } = state;
  const { incarnation, verdict, detail, atMs } = event;
  if (!("incarnation" in stage) || stage.incarnation !== incarnation) return stay(state);
  if (stage.at === "starting" && verdict === "well") {
    return { state, effects: [{ type: "verify", incarnation }] };
  }
  // It answered once and fell silent while its port was being looked at.
  if (stage.at === "starting" && verdict === "sick") return condemn(state, stage, detail, atMs);
  if (stage.at !== "serving") return stay(state);
  switch (verdict) {
    case "well":
      return {
        state: { ...state, stage: { ...stage, isSuspect: false }, reason: servingReason },
        effects: [fact("probe-recovered", incarnation, "answers its probe again", {})],
      };
    case "doubtful": {
      const reason = `a probe failed: ${detail}`;
      return {
        state: { ...state, stage: { ...stage, isSuspect: true }, reason },
        effects: [fact("probe-failed", incarnation, reason, {})],
      };
    }
    case "sick":
      return condemn(state, stage, detail, atMs);
    default:
      return unreachable(verdict);
  }
}

function condemn(
  state: LifecycleState,
  stage: Staged<"starting"> | Staged<"serving">,
  detail: string,
  atMs: number,
): Decision {
  const why = `its probe failed again and again: ${detail}`;
  const cause: Cause = { kind: "failed", ending: "stopped answering its probe" };
  return prefixed(
    end({ ...state, reason: why }, stage, cause, why, atMs),
    fact("restarting", stage.incarnation, why, { asked: false }),
  );
}
