/**
 * The way out of one copy: traffic first, then SIGTERM, then its grace time, then SIGKILL, again and
 * again. Only `exited` ends it.
 */
import {
  type Cause,
  type Decision,
  fact,
  type LifecycleEffect,
  type LifecycleState,
  prefixed,
  type Staged,
} from "./lifecycle-model.ts";

/** A copy that hangs gets little time to finish what it cannot finish. */
const sickDrainMsMax = 250;
const sickGraceMsMax = 1_000;
const killAgainMs = 1_000;
const killAgainMsMax = 30_000;

/** Begins the way out: traffic first, then SIGTERM. One that never served has no traffic. */
export function end(
  state: LifecycleState,
  stage: Staged<"starting"> | Staged<"serving">,
  cause: Cause,
  why: string,
  atMs: number,
): Decision {
  const { incarnation } = stage;
  const isAsked = cause.kind === "asked";
  const { config } = state;
  const drainMs = isAsked ? config.drainMs : Math.min(config.drainMs, sickDrainMsMax);
  const graceMs = isAsked ? config.graceMs : Math.min(config.graceMs, sickGraceMsMax);
  const readyAtMs = stage.at === "serving" ? stage.readyAtMs : undefined;
  const leaving: Staged<"draining"> = {
    at: "draining",
    incarnation,
    untilMs: atMs + drainMs,
    graceMs,
    readyAtMs,
    cause,
  };
  const unwatch: LifecycleEffect = { type: "unwatch" };
  if (stage.at === "starting" || drainMs === 0) {
    return prefixed(terminate({ ...state, stage: leaving }, leaving, atMs), unwatch);
  }
  return {
    state: { ...state, stage: leaving },
    effects: [
      unwatch,
      fact("draining", incarnation, `takes no new requests: ${why}`, { drainMs }),
      { type: "drain", incarnation, boundMs: drainMs },
    ],
  };
}

export function terminate(
  state: LifecycleState,
  stage: Staged<"draining">,
  atMs: number,
): Decision {
  const { incarnation, graceMs, readyAtMs, cause } = stage;
  const killAtMs = atMs + graceMs;
  return {
    state: { ...state, stage: { at: "terminating", incarnation, killAtMs, readyAtMs, cause } },
    effects: [
      fact("terminating", incarnation, `got SIGTERM and ${graceMs} ms to end`, { graceMs }),
      { type: "terminate", incarnation },
    ],
  };
}

export function kill(
  state: LifecycleState,
  stage: Staged<"terminating"> | Staged<"killing">,
  atMs: number,
): Decision {
  const { incarnation, readyAtMs, cause } = stage;
  const tryCount = stage.at === "killing" ? stage.tryCount + 1 : 1;
  const againAtMs = atMs + Math.min(killAgainMs * 2 ** (tryCount - 1), killAgainMsMax);
  const message =
    tryCount === 1
      ? "did not end within its grace time and got SIGKILL"
      : `is still there after ${tryCount - 1} SIGKILL; it may hang in the kernel`;
  return {
    state: {
      ...state,
      stage: { at: "killing", incarnation, againAtMs, tryCount, readyAtMs, cause },
      reason: message,
    },
    effects: [fact("killed", incarnation, message, { tryCount }), { type: "kill", incarnation }],
  };
}

export function finish(state: LifecycleState): Decision {
  const message = "is wanted no more and gone";
  return {
    state: { ...state, stage: { at: "ended" }, reason: message, fix: undefined },
    effects: [fact("removed", state.incarnation, message, {})],
  };
}
