/** Waits until something holds; looked at again at every `recheck`. */
export class Condition {
  readonly #waiting = new Set<() => void>();

  /** @throws the reason of `signal` when it aborts first. */
  async until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (!holds()) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#waiting.delete(done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        this.#waiting.add(done);
        signal.addEventListener("abort", done);
      });
      signal.throwIfAborted();
    }
  }

  recheck(): void {
    for (const done of [...this.#waiting]) done();
  }
}
