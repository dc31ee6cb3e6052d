/**
 * `state.json`: what the cluster should be, on disk before the agent acts on it. A wish that was
 * answered with "yes" survives any death of the agent.
 */
import { readJsonSync, writeJsonSync } from "@prunella/store";
import { type ClusterState, emptyState } from "./cluster-state.ts";

const fix =
  "Move it away and run `prunella up`: running instances are adopted; counts go back to the cluster file.";

/**
 * @throws ClusterError `STATE_CORRUPT` with what to do about it.
 */
export function readState(path: string): ClusterState {
  return readJsonSync(path, parseState, fix) ?? emptyState;
}

/**
 * @throws ClusterError `DISK_FULL` or `STATE_REFUSED`; the old state stands then.
 */
export function writeState(path: string, state: ClusterState, durable: boolean): void {
  writeJsonSync(path, state, { durable });
}

function parseState(value: unknown): ClusterState | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const state = value as Partial<ClusterState>;
  const isWhole =
    state.schema === 1 &&
    Number.isSafeInteger(state.agentTerm) &&
    typeof state.members === "object" &&
    typeof state.fileCounts === "object" &&
    typeof state.inheritedEnv === "object" &&
    Array.isArray(state.launched);
  return isWhole ? { ...emptyState, ...state } : undefined;
}
