/**
 * One instance as one machine: its lifecycle and its probing, wired to each other. The lifecycle
 * says what to watch, probing says what it judged; neither knows the other, and both stay pure.
 */
import {
  type ProbingConfig,
  type ProbingEffect,
  type ProbingEvent,
  type ProbingState,
  startProbing,
  stepProbing,
  wakeProbingAtMs,
} from "@prunella/core/detector";
import {
  type LifecycleConfig,
  type LifecycleEffect,
  type LifecycleEvent,
  type LifecycleState,
  startLifecycle,
  stepLifecycle,
  wakeLifecycleAtMs,
} from "@prunella/core/healing";
import type { Step } from "@prunella/core/kernel";
import type { ProbeSpec, StopSpec } from "./runtime.ts";

export type InstanceState = { readonly life: LifecycleState; readonly probing: ProbingState };

/** Everything but what the two machines say to each other. */
export type InstanceEvent =
  | Exclude<LifecycleEvent, { type: "judged" | "lifecycle-configured" }>
  | Extract<ProbingEvent, { type: "probed" | "observer" }>
  | {
      readonly type: "configured";
      readonly atMs: number;
      readonly life: LifecycleConfig;
      readonly probing: ProbingConfig;
    };

export type InstanceEffect =
  | Exclude<LifecycleEffect, { type: "watch" | "unwatch" }>
  | Exclude<ProbingEffect, { type: "judge" }>;

type Decision = Step<InstanceState, InstanceEffect>;

export function lifecycleConfig(name: string, probe: ProbeSpec, stop: StopSpec): LifecycleConfig {
  return {
    name,
    startupMs: probe.startupMs,
    adoptionMs: probe.failuresMax * (probe.intervalMs + probe.timeoutMs),
    drainMs: stop.drainMs,
    graceMs: stop.graceMs,
  };
}

export function startInstance(
  life: LifecycleConfig,
  probing: ProbingConfig,
  seed: number,
  incarnation: number,
): InstanceState {
  return {
    life: startLifecycle(life, seed, incarnation),
    probing: startProbing(probing, seed + 1),
  };
}

export function wakeInstanceAtMs({ life, probing }: InstanceState): number {
  return Math.min(wakeLifecycleAtMs(life), wakeProbingAtMs(probing));
}

export function stepInstance(state: InstanceState, event: InstanceEvent): Decision {
  const { atMs } = event;
  switch (event.type) {
    case "tick":
      return after(toLife(state, event), (next) => toProbing(next, event));
    case "configured": {
      const { life: config, probing } = event;
      const told = toLife(state, { type: "lifecycle-configured", atMs, config });
      return after(told, (next) =>
        toProbing(next, { type: "probing-configured", atMs, config: probing }),
      );
    }
    case "probed":
    case "observer":
      return toProbing(state, event);
    default:
      return toLife(state, event);
  }
}

function toLife(state: InstanceState, event: LifecycleEvent): Decision {
  const { state: life, effects } = stepLifecycle(state.life, event);
  let decision: Decision = { state: { ...state, life }, effects: [] };
  for (const effect of effects) {
    decision = after(decision, (next) => {
      const { atMs } = event;
      if (effect.type === "watch") return toProbing(next, { ...effect, atMs });
      if (effect.type === "unwatch") return toProbing(next, { ...effect, atMs });
      return { state: next, effects: [effect] };
    });
  }
  return decision;
}

function toProbing(state: InstanceState, event: ProbingEvent): Decision {
  const { state: probing, effects } = stepProbing(state.probing, event);
  let decision: Decision = { state: { ...state, probing }, effects: [] };
  for (const effect of effects) {
    decision = after(decision, (next) =>
      effect.type === "judge"
        ? toLife(next, { ...effect, type: "judged", atMs: event.atMs })
        : { state: next, effects: [effect] },
    );
  }
  return decision;
}

function after(decision: Decision, next: (state: InstanceState) => Decision): Decision {
  const following = next(decision.state);
  return { state: following.state, effects: [...decision.effects, ...following.effects] };
}
