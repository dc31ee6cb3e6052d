/**
 * Finds the agent of a state folder: `agent.json` says where it listens, `token` opens it. Both may
 * change at any time, because an agent may die and another one take over, so they are read again for
 * every connection and never kept.
 */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ClusterError } from "@prunella/core/kernel";

export type Connection = {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
};

/** Undefined when the folder names no agent. It may still be dead: only a call can tell. */
export async function readConnection(stateFolder: string): Promise<Connection | undefined> {
  const facts = await readIfThere(join(stateFolder, "agent.json"));
  const token = await readIfThere(join(stateFolder, "token"));
  if (facts === undefined || token === undefined) return undefined;
  try {
    const { url, pid } = JSON.parse(facts) as Partial<Connection>;
    if (typeof url !== "string" || typeof pid !== "number") return undefined;
    return { url, pid, token: token.trim() };
  } catch {
    return undefined; // Half a file of a crashed machine: no agent wrote it to the end.
  }
}

/**
 * True when no agent claims the folder and none would find anything to do: it was never used, or
 * `down` reached its end. An agent that was merely stopped leaves a cluster that is still wanted.
 */
export async function hasEnded(stateFolder: string): Promise<boolean> {
  if ((await readIfThere(join(stateFolder, "agent.json"))) !== undefined) return false;
  const state = await readIfThere(join(stateFolder, "state.json"));
  if (state === undefined) return true;
  try {
    return (JSON.parse(state) as { readonly spec?: unknown }).spec === undefined;
  } catch {
    return false; // Damaged: the agent knows what to do about it.
  }
}

/** True while a process has this id. One that we may not signal lives as well. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return !isUncollected(pid);
}

/** A process that has ended keeps its id until its parent asks, and in a container nobody may ask. */
function isUncollected(pid: number): boolean {
  try {
    const facts = readFileSync(`/proc/${pid}/stat`, "utf8");
    return facts.slice(facts.lastIndexOf(")")).startsWith(") Z");
  } catch {
    return false; // Not Linux, or gone just now: then the next look tells.
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new ClusterError("STATE_REFUSED", {
      message: `${path} cannot be read (${code ?? "unknown error"}).`,
      details: { path, fix: "run as the user who started the cluster" },
      cause: error,
    });
  }
}
