/** Values handed to one reader in order, until a signal ends it. The oldest goes beyond 4,096. */
const valuesMax = 4_096;

export class MemoryQueue<Value> implements AsyncIterable<Value> {
  readonly #signal: AbortSignal;
  readonly #values: Value[] = [];
  #wake: () => void = () => {};
  #atEnd: () => void = () => {};

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#end(), { once: true });
  }

  /** What to do when nobody reads any more; at once when that is so already. */
  onEnd(run: () => void): void {
    this.#atEnd = run;
    if (this.#signal.aborted) this.#end();
  }

  push(value: Value): void {
    this.#values.push(value);
    if (this.#values.length > valuesMax) this.#values.shift();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Value> {
    try {
      while (!this.#signal.aborted) {
        const value = this.#values.shift();
        if (value !== undefined) yield value;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.#end();
    }
  }

  #end(): void {
    this.#atEnd();
    this.#atEnd = () => {};
    this.#wake();
  }
}
