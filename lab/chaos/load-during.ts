/** Runs an experiment while an open-loop sender asks the cluster, and reports what the sender saw. */
import { openLoop } from "../load/open-loop.ts";
import type { ThrowawayCluster } from "./throwaway-cluster.ts";

/** Longer than any proof; the sender is stopped when the experiment is over. */
const secondsMax = 1_800;

export type LoadSeen = {
  readonly sent: number;
  /** Requests that got no answer, or another one than 200. */
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The first few failures, in words. */
  readonly examples: readonly string[];
};

/** What is asked; `{n}` in the path becomes the number of the request. */
export type LoadShape = {
  readonly path: string;
  readonly method: string;
  readonly body?: string;
};

export async function loadDuring(
  cluster: ThrowawayCluster,
  rate: number,
  work: () => Promise<void>,
  { path, ...shape }: LoadShape = { path: "/home", method: "GET" },
): Promise<LoadSeen> {
  const url = `${cluster.url}${path}`;
  const load = openLoop({ url, ...shape, rate, connections: 32, seconds: secondsMax });
  try {
    await work();
  } finally {
    await load.stop();
  }
  const report = await load.stop();
  return {
    sent: report.sent,
    // A request that could not even be sent, because all connections hung, failed as well.
    failed: report.sent - report.ok + report.dropped,
    p50Ms: report.latencyMs.p50,
    p99Ms: report.latencyMs.p99,
    maxMs: report.latencyMs.max,
    examples: report.firstFailures,
  };
}
