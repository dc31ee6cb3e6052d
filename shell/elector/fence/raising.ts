/**
 * Fence first: shows the new token to every resource before the new leader serves. A resource that does
 * not answer is asked again until the machine gives the term up; one that has seen a newer token ends
 * the attempt, because somebody else leads already.
 */
import { setTimeout as delay } from "node:timers/promises";
import { ClusterError } from "@prunella/core/kernel";
import type { Log } from "@prunella/driver";
import type { Fence } from "./fence.ts";
import type { FenceToken } from "./token.ts";

const retryMs = 50;

/** True when every fence carries the token; false when one refused it or `signal` aborted. */
export async function raiseAll(
  fences: readonly Fence[],
  token: FenceToken,
  signal: AbortSignal,
  log: Log,
): Promise<boolean> {
  const raised = await Promise.all(fences.map((fence) => raise(fence, token, signal, log)));
  return raised.every(Boolean);
}

async function raise(
  fence: Fence,
  token: FenceToken,
  signal: AbortSignal,
  log: Log,
): Promise<boolean> {
  for (;;) {
    try {
      await fence.raise(token, signal);
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === "InvariantError") throw error;
      log.warn("a fence was not raised", { fence: fence.name, token, why: `${error}` });
      if (signal.aborted || ClusterError.is(error, "FENCE_STALE")) return false;
    }
    await delay(retryMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return false;
  }
}
