/**
 * `state.json`: what the cluster should be, on disk before the agent acts on it. A wish that was
 * answered with "yes" survives any death of the agent.
 */
import { ClusterError } from "@prunella/core/kernel";
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
 * The highest term that a gateway of this folder has seen, by the view it keeps; 0 when there is none.
 * With it a lost `state.json` does not turn the next agent's views into old ones.
 */
export function termOfViews(paths: readonly string[]): number {
  const terms = paths.map((path) => {
    try {
      return readJsonSync(path, parseTerm) ?? 0;
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
      return 0; // The gateway says so itself, and starts without a view.
    }
  });
  return Math.max(0, ...terms);
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

/** A view file holds the view itself, or wraps it. */
function parseTerm(value: unknown): number | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { agentTerm, view } = value as { agentTerm?: unknown; view?: unknown };
  if (typeof agentTerm === "number" && Number.isSafeInteger(agentTerm)) return agentTerm;
  return view === undefined ? undefined : parseTerm(view);
}
