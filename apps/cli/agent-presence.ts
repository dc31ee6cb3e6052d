/**
 * Who has the state folder before `agent.json` says so, and whether the cluster was ended while a
 * command was at work.
 *
 * An agent takes the folder, adopts what runs and only then announces itself; before that it has to be
 * launched. Whoever says `down` meanwhile must wait for it, or it would come up after that. So a launch
 * leaves a note until the agent answers, and the lock of the folder names its owner.
 */
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "@prunella/core/kernel";
import { hasEnded, isAlive, readConnection } from "./connection.ts";

/** An empty file with the pid in its name: on a full disk the last free page is the agent's. */
const notePattern = /^agent-launch\.(\d+)$/;
const lookMs = 15;
/** After its last answer an agent needs a moment to exit. */
const exitMsMax = 1_000;

/** Says that an agent was launched and does not answer yet. Disposal takes the note away. */
export function noteLaunch(stateFolder: string, pid: number | undefined): Disposable {
  const path = join(stateFolder, `agent-launch.${pid}`);
  try {
    if (pid !== undefined) writeFileSync(path, "", { mode: 0o600 });
  } catch {
    // No room for a name: then the lock alone tells, a moment later.
  }
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

/** The living agent that owns the folder or is about to; it need not answer. */
export async function agentHolding(stateFolder: string): Promise<number | undefined> {
  const { lockHolder } = await import("@prunella/store");
  const pids = [lockHolder(stateFolder)?.pid, ...launchedPids(stateFolder)];
  return pids.find((pid) => pid !== undefined && isAlive(pid));
}

/** An agent that lives and has not announced itself: it starts, or it is about to exit. */
export async function silentAgent(stateFolder: string): Promise<number | undefined> {
  const pid = await agentHolding(stateFolder);
  const announced = await readConnection(stateFolder);
  return pid === announced?.pid ? undefined : pid;
}

/** True when `down` reached its end, and nobody has begun anew. */
export async function isOver(stateFolder: string): Promise<boolean> {
  return (await hasEnded(stateFolder)) && (await agentHolding(stateFolder)) === undefined;
}

/** The same for an agent that was lost just now: `down` is told apart from a crash when it has gone. */
export async function wasEnded(stateFolder: string, agentPid: number): Promise<boolean> {
  const untilMs = performance.now() + exitMsMax;
  while (isAlive(agentPid) && performance.now() < untilMs) await sleep(lookMs);
  return isOver(stateFolder);
}

/** True when a change slipped in while everything ended: it is wanted, and nobody keeps it. */
export async function isLeftBehind(stateFolder: string): Promise<boolean> {
  const isAnnounced = (await readConnection(stateFolder)) !== undefined;
  if (isAnnounced || (await agentHolding(stateFolder)) !== undefined) return false;
  return !(await hasEnded(stateFolder));
}

/** What a command says that was at work when somebody ended the cluster. */
export function endedMeanwhile(next: string): ClusterError {
  return new ClusterError("CLUSTER_ENDED", {
    message: "The cluster was ended by `prunella down` meanwhile.",
    details: { next },
  });
}

/** Those that were launched by commands which still wait for them, or were killed waiting. */
function launchedPids(stateFolder: string): readonly number[] {
  let names: readonly string[];
  try {
    names = readdirSync(stateFolder);
  } catch {
    return []; // No folder: then nothing was launched in it.
  }
  return names.map((name) => Number(notePattern.exec(name)?.[1])).filter(Number.isInteger);
}
