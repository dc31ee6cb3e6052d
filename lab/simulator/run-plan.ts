/**
 * Plays a plan: storm, heal, time to settle, judgement, calm, end. Every harness runs this way, so
 * that a bug in the order of the phases is a bug in one place.
 */
import { InvariantError } from "@prunella/core/kernel";
import type { Misfortune } from "./network.ts";
import type { Observer } from "./observer.ts";
import type { Outcome, Plan, Recording } from "./plan.ts";
import type { Program } from "./program.ts";
import type { WorldOptions } from "./scene.ts";
import { Violation } from "./violation.ts";
import { World } from "./world.ts";

export type Play<State, Message, Stored> = {
  readonly plan: Plan;
  readonly recording: Recording | undefined;
  readonly program: Program<State, Message, Stored>;
  readonly world: Omit<WorldOptions, "seed" | "nodes" | "network" | "faults" | "misfortunes">;
  readonly observer: Observer<State, Message>;
  /** Filled while the plan is played. */
  readonly tally: Record<string, number>;
  begin(world: World<State, Message, Stored>): void;
  readonly settleMs: number;
  /** After the heal and the time to settle: what has to be true now. */
  judge(world: World<State, Message, Stored>): void;
  readonly calmMs: number;
  /** After the calm: what must not have changed. */
  end(world: World<State, Message, Stored>): void;
};

export function runPlan<State, Message, Stored>(play: Play<State, Message, Stored>): Outcome {
  const { plan, recording, program, observer, tally } = play;
  const { seed, nodes, network, faults, misfortunes } = plan;
  const met: Misfortune[] | undefined = recording?.isListing === true ? [] : undefined;
  const world = new World<State, Message, Stored>(
    { seed, nodes, network, faults, misfortunes, ...play.world },
    program,
    observer,
    {
      ...(recording?.recorder === undefined ? {} : { recorder: recording.recorder }),
      ...(met === undefined ? {} : { misfortunes: met }),
    },
  );
  const outcome = (violation: Outcome["violation"]): Outcome => ({
    violation,
    virtualMs: world.nowMs,
    steps: world.steps,
    tally,
    faults: world.faultsMet,
    misfortunes: met,
  });
  try {
    play.begin(world);
    world.run(plan.stormMs);
    world.heal();
    world.run(plan.stormMs + play.settleMs);
    play.judge(world);
    world.run(plan.stormMs + play.settleMs + play.calmMs);
    play.end(world);
    return outcome(undefined);
  } catch (error) {
    if (error instanceof Violation) {
      const { promise, sentence, atMs } = error;
      return outcome({ promise, sentence, atMs });
    }
    if (error instanceof InvariantError) {
      const { message } = error;
      return outcome({ promise: "BUG", sentence: message, atMs: world.nowMs });
    }
    throw error;
  }
}
