/**
 * One change of the cluster at a time. `apply`, `scale`, `add`, `rm` and `restart` decide on what is
 * wanted now, so two of them at once would each act on what the other is about to change.
 */
import { ClusterError } from "@prunella/core/kernel";

const waitingMax = 256;

export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Runs `work` after everything that was handed in before it. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting >= waitingMax) {
      throw new ClusterError("RUNTIME_UNAVAILABLE", {
        message: `${waitingMax} changes are waiting already. Try again when they are done.`,
      });
    }
    this.#waiting += 1;
    const result = this.#tail.then(work, work).finally(() => {
      this.#waiting -= 1;
    });
    // The next change runs whether or not this one failed; its caller hears of the failure.
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
