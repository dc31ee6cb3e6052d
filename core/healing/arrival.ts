/** The way in of one copy: launch, first good probe, a look at who owns its port, serving. */
import { invariant } from "../kernel/index.ts";
import { end } from "./departure.ts";
import { describe } from "./failures.ts";
import {
  type Cause,
  type Decision,
  fact,
  type LifecycleState,
  prefixed,
  type Stage,
  type Staged,
  stay,
  type Told,
} from "./lifecycle-model.ts";

const silentHostMs = 10_000;
const startupsKeptMax = 5;
export const servingReason = "answers its probe";

export function launch(state: LifecycleState, atMs: number): Decision {
  invariant(state.wanted === "run", "only a wanted instance is launched");
  const incarnation = state.incarnation + 1;
  const stage: Stage = {
    at: "launching",
    incarnation,
    sinceMs: atMs,
    sayAtMs: atMs + silentHostMs,
  };
  return {
    state: { ...state, stage, incarnation },
    effects: [{ type: "launch", incarnation }],
  };
}

export function onLaunched(state: LifecycleState, event: Told<"launched">): Decision {
  const { stage } = state;
  if (stage.at !== "launching" || stage.incarnation !== event.incarnation) return stay(state);
  const said = fact("launched", event.incarnation, `incarnation ${event.incarnation} launched`, {
    launchMs: Math.round(event.atMs - stage.sinceMs),
  });
  return prefixed(begin(state, event.atMs, event), said); // Queueing is not its fault.
}

export function onAdopted(state: LifecycleState, event: Told<"adopted">): Decision {
  const { stage } = state;
  if (stage.at !== "waiting" && stage.at !== "launching") return stay(state);
  const found = { ...state, incarnation: Math.max(state.incarnation, event.incarnation) };
  const said = fact(
    "adopted",
    event.incarnation,
    `incarnation ${event.incarnation} runs already and is kept`,
    { ageMs: Math.round(event.ageMs) },
  );
  return prefixed(begin(found, event.atMs - event.ageMs, event), said);
}

/** A copy runs. Its first good probe is awaited, or it is ended at once when nobody wants it. */
function begin(
  state: LifecycleState,
  sinceMs: number,
  { incarnation, atMs, type }: { incarnation: number; atMs: number; type: "launched" | "adopted" },
): Decision {
  const { startupMs, adoptionMs } = state.config;
  const patienceMs = type === "adopted" ? atMs + adoptionMs : 0;
  const deadlineMs = Math.max(sinceMs + startupMs, patienceMs);
  const stage: Staged<"starting"> = { at: "starting", incarnation, sinceMs, deadlineMs };
  if (state.wanted === "stop") return end(state, stage, { kind: "asked" }, state.reason, atMs);
  const reason =
    type === "adopted" ? "adopted; its first probe is out" : "waits for its first good probe";
  return {
    state: { ...state, stage, reason: withHistory(reason, state) },
    effects: [{ type: "watch", incarnation }],
  };
}

export function onVerified(state: LifecycleState, event: Told<"verified">): Decision {
  const { stage, config } = state;
  const { incarnation, stranger, atMs } = event;
  if (stage.at !== "starting" || stage.incarnation !== incarnation) return stay(state);
  if (stranger !== undefined) {
    const why = `another program (${stranger}) listens on the port of ${config.name}`;
    const cause: Cause = { kind: "failed", ending: "lost its port to another program" };
    const ended = end({ ...state, reason: why }, stage, cause, why, atMs);
    return prefixed(ended, fact("port-taken", incarnation, why, { stranger }));
  }
  const startupMs = Math.round(atMs - stage.sinceMs);
  const startupsMs = [...state.startupsMs, startupMs].slice(-startupsKeptMax);
  return {
    state: {
      ...state,
      stage: {
        at: "serving",
        incarnation,
        sinceMs: stage.sinceMs,
        readyAtMs: atMs,
        isSuspect: false,
      },
      served: true,
      startupsMs,
      reason: servingReason,
      fix: undefined,
    },
    effects: [fact("ready", incarnation, `serves after ${startupMs} ms`, { startupMs })],
  };
}

export function missStartup(
  state: LifecycleState,
  stage: Staged<"starting">,
  atMs: number,
): Decision {
  const waitedMs = Math.round(atMs - stage.sinceMs);
  const why = `did not answer a probe within ${waitedMs} ms of its launch; does it listen on PORT?`;
  const cause: Cause = {
    kind: "failed",
    ending: "did not answer a probe in time after its launch",
  };
  return prefixed(
    end({ ...state, reason: why }, stage, cause, why, atMs),
    fact("restarting", stage.incarnation, why, { asked: false }),
  );
}

export function sayHostIsSilent(state: LifecycleState, stage: Staged<"launching">): Decision {
  const message = `the host has not answered the launch for ${silentHostMs / 1_000} s`;
  return {
    state: { ...state, stage: { ...stage, sayAtMs: undefined }, reason: message },
    effects: [fact("launch-failed", stage.incarnation, message, { pending: true })],
  };
}

function withHistory(reason: string, state: LifecycleState): string {
  const last = state.failures.at(-1);
  return last === undefined ? reason : `${reason}; before, it ${describe(last)}`;
}
