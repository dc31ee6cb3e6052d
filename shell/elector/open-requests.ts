/** Questions of others that the machine has not answered yet: bounded in number and in time. */
import type { Answer } from "@prunella/core/election";

const openMax = 1_024;

export class OpenRequests {
  readonly #waiting = new Map<string, (answer: Answer | undefined) => void>();
  readonly #waitMs: number;
  #nextId = 1;

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Lets `ask` put the question under an id; resolves with the answer, or undefined when there is none in
   * time or too many wait.
   */
  async open(ask: (requestId: string) => void): Promise<Answer | undefined> {
    if (this.#waiting.size >= openMax) return undefined;
    const requestId = `${this.#nextId++}`;
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    let isAnswered = false;
    this.#waiting.set(requestId, (answer) => {
      isAnswered = true;
      this.#waiting.delete(requestId);
      resolve(answer);
    });
    ask(requestId);
    if (isAnswered) return promise;
    const timer = setTimeout(() => this.answer(requestId, undefined), this.#waitMs);
    return promise.finally(() => clearTimeout(timer));
  }

  answer(requestId: string, answer: Answer | undefined): void {
    this.#waiting.get(requestId)?.(answer);
  }

  answerAll(): void {
    for (const answer of [...this.#waiting.values()]) answer(undefined);
  }
}
