/**
 * The contract of what a leader writes to. A new leader raises every fence before it tells anybody that
 * it leads, so that a late write of its predecessor is refused even if the new one never writes.
 */
import type { FenceToken } from "./token.ts";

export interface Fence {
  /** For messages: which resource this is. */
  readonly name: string;

  /**
   * Makes the resource refuse every token below this one. Idempotent.
   *
   * @throws ClusterError `FENCE_STALE` when a higher token was there already.
   */
  raise(token: FenceToken, signal: AbortSignal): Promise<void>;
}
