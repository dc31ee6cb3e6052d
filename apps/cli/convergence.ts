/**
 * Waits until the cluster is what was asked for, and shows how it gets there. Level-triggered: it
 * looks at the status again and again, so a lost connection or another agent in between costs time
 * and never the truth.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "@prunella/core/kernel";
import type { ClusterStatus, InstanceStatus } from "@prunella/wire/control";
import { endedMeanwhile, isOver } from "./agent-presence.ts";
import type { Client } from "./client.ts";
import { spanText } from "./duration.ts";
import type { Invocation } from "./invocation.ts";
import { phaseMark } from "./phase-mark.ts";
import type { ProgressRow } from "./progress.ts";
import { reasonText } from "./reason-text.ts";
import type { Screen } from "./screen.ts";
import { unsettledBeside } from "./unsettled.ts";

const lookMs = 80;
const answerMs = 5_000;
/** How long no agent may answer before we give up: another one may be taking over. */
const awayMsMax = 10_000;
/** A change may be what wakes a parked instance: it gets a moment to show. */
const hopelessMsMin = 1_000;

export type Goal = {
  /** What is being waited for, as in `Starting hello`. */
  readonly title: string;
  isReached(status: ClusterStatus): boolean;
  /** The instances that the wait is about. */
  instances(status: ClusterStatus): readonly InstanceStatus[];
};

/**
 * @throws ClusterError `NOT_CONVERGED` at the deadline, or at once when all that is missing is parked;
 *   `CLUSTER_ENDED` when somebody said `down` meanwhile: the last command wins;
 *   `AGENT_UNREACHABLE` when no agent answered for 10 s.
 */
export async function converge(call: Invocation, goal: Goal): Promise<ClusterStatus> {
  using progress = call.progress(goal.title);
  let client: Client | undefined;
  let awaySinceMs: number | undefined;
  for (;;) {
    try {
      client ??= await call.connect();
      const status = await client.status(answerMs);
      awaySinceMs = undefined;
      const instances = goal.instances(status);
      progress.show(instances.map((instance) => progressRow(instance, call.talk)));
      if (status.cluster === "") throw endedMeanwhile(call.hint("up")); // Its agent exits next.
      if (goal.isReached(status)) return status;
      const isLate = progress.elapsedMs >= call.timeoutMs;
      const isVain = progress.elapsedMs >= hopelessMsMin && isHopeless(instances);
      if (isLate || isVain) throw notConverged(call, status, instances, progress.elapsedMs);
    } catch (error) {
      if (!ClusterError.is(error, "AGENT_UNREACHABLE")) throw error;
      if (await isOver(call.place.stateFolder)) throw endedMeanwhile(call.hint("up"));
      client = undefined;
      awaySinceMs ??= progress.elapsedMs;
      const isLate = progress.elapsedMs >= call.timeoutMs;
      if (isLate || progress.elapsedMs - awaySinceMs >= awayMsMax) throw error;
      progress.show([{ key: "agent", text: "the agent is away; waiting for the next one" }]);
    }
    await sleep(lookMs, undefined, { signal: call.signal });
  }
}

export function instancesOf(status: ClusterStatus, service?: string): readonly InstanceStatus[] {
  const services = status.services.filter((each) => service === undefined || each.name === service);
  return services.flatMap((each) => each.instances);
}

function progressRow(instance: InstanceStatus, screen: Screen): ProgressRow {
  const mark = screen.isTerminal ? `${phaseMark(instance.phase, screen)} ` : "";
  const note = instance.phase === "serving" ? (instance.address ?? "") : reasonText(instance);
  const text = `${mark}${instance.name}  ${instance.phase}  ${screen.style("dim", note)}`;
  return { key: instance.name, text: text.trimEnd() };
}

/** Nothing moves any more: what does not serve is parked, and a person has to act. */
function isHopeless(instances: readonly InstanceStatus[]): boolean {
  const missing = instances.filter((instance) => !instance.ready);
  return missing.length > 0 && missing.every((instance) => instance.phase === "parked");
}

function notConverged(
  call: Invocation,
  status: ClusterStatus,
  instances: readonly InstanceStatus[],
  elapsedMs: number,
): ClusterError {
  const missing = instances.filter((instance) => !instance.ready);
  const count = missing.length;
  const head =
    count === 0
      ? `The cluster is not settled after ${spanText(elapsedMs)}.`
      : `${count} of ${instances.length} instances ${count === 1 ? "does" : "do"} not serve after ${spanText(elapsedMs)}.`;
  const lines = [
    ...missing.map((each) => `${each.name}  ${each.phase}  ${reasonText(each)}`),
    ...unsettledBeside(status, missing),
  ];
  const worst = missing.find((instance) => instance.phase === "parked") ?? missing[0];
  return new ClusterError("NOT_CONVERGED", {
    message: [head, ...lines].join("\n"),
    details: {
      instances: missing.map(({ name, phase, reason }) => ({ name, phase, reason })),
      unsettled: status.unsettled,
      ...(worst?.phase === "parked"
        ? {}
        : { fix: "Prunella goes on trying; wait longer with --timeout" }),
      next: call.hint(worst === undefined ? "status" : `why ${worst.name}`),
    },
  });
}
