/**
 * All processes that belong to one copy: its leader, everything in the leader's group and session,
 * and whoever else was started with the copy's launch id and slipped away (a double fork with its
 * own session). The last kind is found by the environment, which children inherit.
 */
import { ClusterError, invariant } from "@prunella/core/kernel";
import { systemCode } from "@prunella/store";
import type { ProcessFacts, ProcessTable } from "./process-table.ts";

/** The variable that names a launch. It is inherited, so it finds what left group and session. */
export const launchVariable = "PRUNELLA_LAUNCH";

/** Who leads: a pid with its start time, which together are never given again. */
export type Leader = { readonly pid: number; readonly startTicks: number };

/** True when exactly this process, and no successor of its pid, is alive. */
export function isAlive(table: ProcessTable, leader: Leader): boolean {
  const facts = table.read(leader.pid);
  return facts?.alive === true && facts.startTicks === leader.startTicks;
}

/** The living processes of a copy. Empty exactly when the copy is gone without a rest. */
export function familyOf(
  table: ProcessTable,
  leader: Leader,
  launch: string,
): readonly ProcessFacts[] {
  const all = table.all();
  const group = new Set(groupOf(all, leader));
  return all.filter((facts) => {
    if (group.has(facts)) return true;
    if (!facts.alive || facts.pid === process.pid || facts.startTicks < leader.startTicks) {
      return false;
    }
    return table.variable(facts.pid, launchVariable) === launch;
  });
}

/** The living processes in the group and session of a leader. */
export function groupOf(all: readonly ProcessFacts[], leader: Leader): readonly ProcessFacts[] {
  const holder = all.find((facts) => facts.pid === leader.pid);
  // Another start time: the pid was given again, so nobody of our group was left at that moment.
  if (holder !== undefined && holder.startTicks !== leader.startTicks) return [];
  return all.filter(
    (facts) => facts.alive && (facts.group === leader.pid || facts.session === leader.pid),
  );
}

/**
 * Signals a whole group. A group that is gone is fine: that is what a signal is for.
 *
 * @throws ClusterError `RUNTIME_UNAVAILABLE` when all of it belongs to another user by now.
 */
export function signalGroup(leader: Leader, signal: NodeJS.Signals): void {
  invariant(leader.pid > 1, "a group is never that of init, nor everybody's");
  if (signalProcess(-leader.pid, signal)) return;
  throw new ClusterError("RUNTIME_UNAVAILABLE", {
    message: `Process group ${leader.pid} may not be signalled: it runs as another user. End it as that user, or as root.`,
    details: { pid: leader.pid, signal },
  });
}

/** Ends each of these processes by force, whatever group it hides in, as far as we may. */
export function killAll(members: readonly ProcessFacts[]): void {
  for (const member of members) signalProcess(member.pid, "SIGKILL");
}

const lookMsMin = 10;
const lookMsMax = 1_000;

/**
 * How long to wait until the next look at what a dead leader left behind: a tenth of the time that
 * it took so far. One look reads all of /proc, and what force does not end may stay for days.
 */
export function nextLookMs(sinceMs: number): number {
  return Math.min(Math.max(sinceMs / 10, lookMsMin), lookMsMax);
}

/** False when the process is another user's. */
function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (code === "ESRCH") return true;
    if (code === "EPERM") return false;
    throw error;
  }
}
