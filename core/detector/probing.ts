/**
 * Who is alive? Probes one instance on a schedule and turns single answers into a verdict.
 *
 * Invariants, checked by `probing.test.ts`:
 *   P1  At most one probe is on its way at any instant.
 *   P2  `sick` needs `failuresMax` failures in a row since the last good answer, and an instance
 *       that never answered is never `sick`: startup has its own deadline, which healing owns.
 *   P3  An answer of an earlier incarnation, or to an earlier probe, changes nothing.
 *   P4  A timeout counts for nothing while the observer itself is late or declared sick.
 *
 * P4 is the ground floor of doubting oneself first: a process that was stopped, starved or
 * suspended sees all its timers fire at once and would condemn everybody. The answer carries the
 * time when the probe was sent, so lateness is visible here without a clock. `observer` is the
 * door through which later parts (votes, host pressure) declare it sick for longer.
 *
 * While starting, the pause before the next probe is a sixteenth of the time since launch, within
 * [15 ms, 250 ms]: a good start is seen at most 7 % late, and fifty slow ones cost little.
 */
import { draw, type Rng, rngFrom, type Step, unreachable } from "../kernel/index.ts";

export type ProbingConfig = {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly failuresMax: number;
  readonly successesMin: number;
};

/** What is believed of the watched incarnation. `doubtful` served and fails; `sick` is final until it answers. */
export type Verdict = "unknown" | "well" | "doubtful" | "sick";

export type ProbingState = {
  readonly config: ProbingConfig;
  readonly rng: Rng;
  /** 0 while nothing is watched. */
  readonly incarnation: number;
  readonly watchedSinceMs: number;
  readonly verdict: Verdict;
  /** Consecutive; reset by an answer of the other kind. */
  readonly failureCount: number;
  readonly successCount: number;
  readonly probeId: number;
  /** When the outstanding probe left; undefined when none is on its way. */
  readonly sentAtMs: number | undefined;
  readonly nextAtMs: number;
  readonly observerIsSick: boolean;
};

export type ProbeOutcome = "good" | "failed" | "timeout";

export type ProbingEvent =
  | { readonly type: "tick"; readonly atMs: number }
  | { readonly type: "watch"; readonly atMs: number; readonly incarnation: number }
  | { readonly type: "unwatch"; readonly atMs: number }
  | {
      readonly type: "probed";
      readonly atMs: number;
      readonly probeId: number;
      readonly outcome: ProbeOutcome;
      readonly detail: string;
    }
  | { readonly type: "observer"; readonly atMs: number; readonly isSick: boolean }
  | { readonly type: "probing-configured"; readonly atMs: number; readonly config: ProbingConfig };

/** `probe` is answered by `probed`. `judge` says that the verdict changed; nobody answers it. */
export type ProbingEffect =
  | {
      readonly type: "probe";
      readonly incarnation: number;
      readonly probeId: number;
      readonly timeoutMs: number;
    }
  | {
      readonly type: "judge";
      readonly incarnation: number;
      readonly verdict: Exclude<Verdict, "unknown">;
      readonly detail: string;
    };

type Decision = Step<ProbingState, ProbingEffect>;

const startPauseMsMin = 15;
const startPauseMsMax = 250;
const startPauseShare = 1 / 16;
const jitterShare = 0.1;
/** An answer this much after its own deadline says more about us than about the instance. */
const latenessMsMax = 100;

export function startProbing(config: ProbingConfig, seed: number): ProbingState {
  return {
    config,
    rng: rngFrom(seed),
    incarnation: 0,
    watchedSinceMs: 0,
    verdict: "unknown",
    failureCount: 0,
    successCount: 0,
    probeId: 0,
    sentAtMs: undefined,
    nextAtMs: 0,
    observerIsSick: false,
  };
}

/** When the driver must feed a `tick` at the latest. */
export function wakeProbingAtMs(state: ProbingState): number {
  if (state.incarnation === 0) return Number.POSITIVE_INFINITY;
  // A lost answer must not end probing: it counts as a timeout well after the probe's own deadline.
  if (state.sentAtMs !== undefined) return state.sentAtMs + 2 * state.config.timeoutMs + 1_000;
  return state.nextAtMs;
}

export function stepProbing(state: ProbingState, event: ProbingEvent): Decision {
  switch (event.type) {
    case "tick":
      return onTick(state, event.atMs);
    case "watch":
      return send({
        ...startProbing(state.config, 0),
        rng: state.rng,
        probeId: state.probeId,
        observerIsSick: state.observerIsSick,
        incarnation: event.incarnation,
        watchedSinceMs: event.atMs,
        sentAtMs: event.atMs,
      });
    case "unwatch":
      return { state: { ...state, incarnation: 0, sentAtMs: undefined }, effects: [] };
    case "probed":
      return onProbed(state, event);
    case "observer":
      return { state: { ...state, observerIsSick: event.isSick }, effects: [] };
    case "probing-configured":
      return { state: { ...state, config: event.config }, effects: [] };
    default:
      return unreachable(event);
  }
}

function onTick(state: ProbingState, atMs: number): Decision {
  if (atMs < wakeProbingAtMs(state)) return { state, effects: [] };
  if (state.sentAtMs === undefined) return send({ ...state, sentAtMs: atMs });
  const { probeId } = state;
  return onProbed(state, {
    type: "probed",
    atMs,
    probeId,
    outcome: "timeout",
    detail: "no answer",
  });
}

function send(state: ProbingState): Decision {
  const probeId = state.probeId + 1;
  const { incarnation } = state;
  const { timeoutMs } = state.config;
  return {
    state: { ...state, probeId },
    effects: [{ type: "probe", incarnation, probeId, timeoutMs }],
  };
}

function onProbed(state: ProbingState, event: ProbingEvent & { type: "probed" }): Decision {
  const { sentAtMs } = state;
  if (sentAtMs === undefined || event.probeId !== state.probeId) return { state, effects: [] };
  const late = event.atMs - sentAtMs > state.config.timeoutMs + latenessMsMax;
  const doubtsItself = event.outcome === "timeout" && (late || state.observerIsSick);
  const counted = doubtsItself ? state : count(state, event.outcome === "good");
  const verdict = judge(counted);
  const planned = plan({ ...counted, verdict, sentAtMs: undefined }, event.atMs);
  if (verdict === "unknown" || verdict === state.verdict) return { state: planned, effects: [] };
  const { incarnation } = state;
  return {
    state: planned,
    effects: [{ type: "judge", incarnation, verdict, detail: event.detail }],
  };
}

function count(state: ProbingState, isGood: boolean): ProbingState {
  return isGood
    ? { ...state, failureCount: 0, successCount: state.successCount + 1 }
    : { ...state, failureCount: state.failureCount + 1, successCount: 0 };
}

/** The table of verdicts. One good answer ends the start; afterwards both thresholds apply. */
function judge(state: ProbingState): Verdict {
  const { verdict, failureCount, successCount, config } = state;
  if (verdict === "unknown") return successCount > 0 ? "well" : "unknown";
  if (failureCount >= config.failuresMax) return "sick";
  if (verdict === "well") return failureCount > 0 ? "doubtful" : "well";
  return successCount >= config.successesMin ? "well" : verdict;
}

/** Spreads probes by +-10 % so that they never line up, and looks twice as often under doubt. */
function plan(state: ProbingState, atMs: number): ProbingState {
  const { value, rng } = draw(state.rng);
  const jitter = 1 - jitterShare + 2 * jitterShare * value;
  return { ...state, rng, nextAtMs: atMs + pauseMs(state, atMs) * jitter };
}

function pauseMs(state: ProbingState, atMs: number): number {
  const { intervalMs } = state.config;
  if (state.verdict === "well") return intervalMs;
  if (state.verdict !== "unknown") return intervalMs / 2;
  const share = (atMs - state.watchedSinceMs) * startPauseShare;
  return Math.min(Math.max(share, startPauseMsMin), startPauseMsMax, intervalMs);
}
