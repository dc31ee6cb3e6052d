/** A fence around something that lives in this process: a map, a queue, a counter. */
import type { Fence } from "./fence.ts";
import { compareTokens, type FenceToken, parseToken, staleToken } from "./token.ts";

export class MemoryFence implements Fence {
  readonly name: string;
  #highest: FenceToken = "0";

  constructor(name = "memory") {
    this.name = name;
  }

  get highest(): FenceToken {
    return this.#highest;
  }

  /**
   * Lets a write pass, or throws. Call it in the same turn as the write.
   *
   * @throws ClusterError `FENCE_STALE`.
   */
  admit(token: FenceToken): void {
    parseToken(token);
    if (compareTokens(token, this.#highest) < 0) throw staleToken(this.name, token, this.#highest);
    this.#highest = token;
  }

  async raise(token: FenceToken): Promise<void> {
    this.admit(token);
  }
}
