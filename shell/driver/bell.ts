/** Wakes everybody who waits for news. Rings merge: who is late finds everything when it looks. */
import { setTimeout as delay } from "node:timers/promises";

export class Bell {
  readonly #waiting = new Set<() => void>();

  ring(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next ring, or when the signal aborts. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        signal.removeEventListener("abort", done);
        this.#waiting.delete(done);
        resolve();
      };
      signal.addEventListener("abort", done, { once: true });
      this.#waiting.add(done);
    });
  }

  /** The same, but at the latest after `waitMs`. Leaves neither a timer nor a listener behind. */
  async nextWithin(waitMs: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    await Promise.race([
      this.next(either),
      delay(waitMs, undefined, { signal: either }).catch(() => undefined),
    ]);
    over.abort();
  }

  /**
   * Resolves when something holds; it is looked at now and after every ring.
   *
   * @throws the reason of `signal` when it aborts first.
   */
  async until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (!holds()) {
      await this.next(signal);
      signal.throwIfAborted();
    }
  }
}
