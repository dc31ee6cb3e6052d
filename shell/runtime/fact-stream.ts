/**
 * Facts to everybody who watches. Each watcher has a queue of its own with a bound: a slow one loses
 * its oldest facts, which is logged once, and always gets the hint to look again. Hints merge.
 */
import type { Log } from "@prunella/driver";
import type { InstanceFact } from "./runtime.ts";

const factsMax = 1_024;

export class FactStream {
  readonly #log: Log;
  readonly #watchers = new Set<Watcher>();

  constructor(log: Log) {
    this.#log = log;
  }

  tell(fact: InstanceFact): void {
    for (const watcher of this.#watchers) {
      if (watcher.push(fact)) continue;
      this.#log.warn("a watcher is slow and loses its oldest facts", { factsMax });
    }
  }

  /** Something changed that no fact tells of. */
  hint(): void {
    for (const watcher of this.#watchers) watcher.hint();
  }

  /** Watches from now on, also before the first `next`. */
  watch(signal: AbortSignal): AsyncIterable<InstanceFact | undefined> {
    const watcher = new Watcher(() => this.#watchers.delete(watcher));
    if (signal.aborted) watcher.end();
    else {
      this.#watchers.add(watcher);
      signal.addEventListener("abort", () => watcher.end(), { once: true });
    }
    return watcher;
  }

  end(): void {
    for (const watcher of this.#watchers) watcher.end();
  }
}

type Next = IteratorResult<InstanceFact | undefined, undefined>;

class Watcher implements AsyncIterableIterator<InstanceFact | undefined, undefined> {
  readonly #onEnd: () => void;
  readonly #facts: InstanceFact[] = [];
  #isHinted = false;
  #loses = false;
  #hasEnded = false;
  #waiting: ((next: Next) => void) | undefined;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** False when facts begin to be lost; true again once the watcher has caught up. */
  push(fact: InstanceFact): boolean {
    this.#facts.push(fact);
    const isFull = this.#facts.length > factsMax;
    const beginsToLose = isFull && !this.#loses;
    if (isFull) {
      this.#facts.shift();
      this.#isHinted = true;
      this.#loses = true;
    }
    this.#deliver();
    return !beginsToLose;
  }

  hint(): void {
    this.#isHinted = true;
    this.#deliver();
  }

  end(): void {
    this.#hasEnded = true;
    this.#onEnd();
    this.#deliver();
  }

  next(): Promise<Next> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#deliver();
    });
  }

  async return(): Promise<Next> {
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #deliver(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const next = this.#take();
    if (next === undefined) return;
    this.#waiting = undefined;
    waiting(next);
  }

  #take(): Next | undefined {
    if (this.#hasEnded) return { done: true, value: undefined };
    const fact = this.#facts.shift();
    if (fact !== undefined) return { done: false, value: fact };
    this.#loses = false;
    if (!this.#isHinted) return undefined;
    this.#isHinted = false;
    return { done: false, value: undefined };
  }
}
