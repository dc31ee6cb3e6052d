/** What `observe` tells of an instance: its state in the words of the contract. Pure. */
import type { LifecycleState } from "@prunella/core/healing";
import { unreachable } from "@prunella/core/kernel";
import type { Copy, Usage } from "./host.ts";
import type { Instance, MemberSpec, Phase } from "./runtime.ts";

export function viewOf(
  service: Instance["service"],
  member: MemberSpec,
  life: LifecycleState,
  copy: Copy | undefined,
  usage: Usage | undefined,
  nowMs: number,
): Instance {
  const { stage } = life;
  const waits = stage.at === "waiting" || stage.at === "parked";
  const held = holdsCopy(life) ? copy : undefined;
  return {
    name: member.name,
    service,
    number: member.number,
    incarnation: life.incarnation,
    phase: phaseOf(life),
    served: life.served,
    leaving: life.wanted === "stop",
    pid: held?.pid,
    address: held?.address,
    electionAddress: held?.electionAddress,
    startedAtMs: held?.startedAtMs,
    retryInMs: waits ? Math.max(0, Math.round(stage.untilMs - nowMs)) : undefined,
    cpu: held === undefined ? undefined : usage?.cpu,
    memoryMiB: held === undefined ? undefined : usage?.memoryMiB,
    reason: life.reason,
    fix: life.fix,
  };
}

/** True when a copy runs, as far as anybody knows. */
export function holdsCopy({ stage }: LifecycleState): boolean {
  return "incarnation" in stage && stage.at !== "launching";
}

function phaseOf({ stage }: LifecycleState): Phase {
  switch (stage.at) {
    case "waiting":
    case "launching":
      return "waiting";
    case "starting":
    case "draining":
    case "parked":
      return stage.at;
    case "serving":
      return stage.isSuspect ? "suspect" : "serving";
    case "terminating":
    case "killing":
    case "ended":
      return "stopping";
    default:
      return unreachable(stage);
  }
}

/** A copy that runs and that no applied service claims. */
export function viewOfUnclaimed(copy: Copy, usage: Usage | undefined): Instance {
  return {
    name: copy.instance,
    service: copy.service,
    number: 0,
    incarnation: copy.incarnation,
    phase: "starting",
    served: false,
    leaving: false,
    pid: copy.pid,
    address: copy.address,
    electionAddress: copy.electionAddress,
    startedAtMs: copy.startedAtMs,
    retryInMs: undefined,
    cpu: usage?.cpu,
    memoryMiB: usage?.memoryMiB,
    reason: "runs since an earlier agent, and no service of this one claims it",
    fix: undefined,
  };
}
