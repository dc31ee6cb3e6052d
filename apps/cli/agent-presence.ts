/**
 * Who has the state folder before `agent.json` says so, and whether the cluster was ended while a
 * command was at work.
 *
 * An agent takes the folder, adopts what runs and only then announces itself; before that it has to be
 * launched. Whoever says `down` meanwhile must wait for it, or it would come up after that. So a launch
 * leaves a note until the agent answers, and the lock of the folder names its owner.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "@prunella/core/kernel";
import { hasEnded, isAlive, readConnection } from "./connection.ts";

const noteFile = "agent-launch.json";
const lookMs = 15;
/** After its last answer an agent needs a moment to exit. */
const exitMsMax = 1_000;

/** Says that an agent was launched and does not answer yet. Disposal takes the note away. */
export function noteLaunch(stateFolder: string, pid: number | undefined): Disposable {
  const path = join(stateFolder, noteFile);
  try {
    if (pid !== undefined) writeFileSync(path, JSON.stringify({ pid }), { mode: 0o600 });
  } catch {
    // A full disk: then the lock alone tells, a moment later.
  }
  return {
    [Symbol.dispose]: () => {
      if (launchedPid(stateFolder) === pid) rmSync(path, { force: true });
    },
  };
}

/** The living agent that owns the folder or is about to; it need not answer. */
export async function agentHolding(stateFolder: string): Promise<number | undefined> {
  const { lockHolder } = await import("@prunella/store");
  const pids = [launchedPid(stateFolder), lockHolder(stateFolder)?.pid];
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

function launchedPid(stateFolder: string): number | undefined {
  try {
    const note = JSON.parse(readFileSync(join(stateFolder, noteFile), "utf8")) as { pid?: unknown };
    return typeof note.pid === "number" ? note.pid : undefined;
  } catch {
    return undefined; // No launch is under way, or its note is not written to the end.
  }
}
