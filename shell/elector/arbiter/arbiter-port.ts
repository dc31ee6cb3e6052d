/** Asks the arbiter what the machine wants to know, within a bound, and turns what comes into an outcome. */
import type { ArbiterOutcome, ArbiterRecord } from "@prunella/core/election";
import type { Log } from "@prunella/driver";
import type { Arbiter } from "./arbiter.ts";

const askMsMax = 2_000;

export class ArbiterPort implements Disposable {
  readonly #arbiter: Arbiter;
  readonly #answered: (askId: number, outcome: ArbiterOutcome) => void;
  readonly #log: Log;
  readonly #stopping = new AbortController();

  constructor(
    arbiter: Arbiter,
    answered: (askId: number, outcome: ArbiterOutcome) => void,
    log: Log,
  ) {
    this.#arbiter = arbiter;
    this.#answered = answered;
    this.#log = log;
  }

  read(askId: number): void {
    void this.#ask(askId, async (signal) => ({
      kind: "read",
      ...(await this.#arbiter.read(signal)),
    }));
  }

  swap(askId: number, expected: string | undefined, record: ArbiterRecord): void {
    void this.#ask(askId, (signal) => this.#arbiter.swap(expected, record, signal));
  }

  [Symbol.dispose](): void {
    this.#stopping.abort();
  }

  async #ask(
    askId: number,
    question: (signal: AbortSignal) => Promise<ArbiterOutcome>,
  ): Promise<void> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(askMsMax)]);
    let outcome: ArbiterOutcome;
    try {
      outcome = await question(signal);
    } catch (error) {
      if (error instanceof Error && error.name === "InvariantError") throw error;
      this.#log.warn("the arbiter did not answer", {
        arbiter: this.#arbiter.name,
        why: `${error}`,
      });
      outcome = { kind: "failed" };
    }
    if (!this.#stopping.signal.aborted) this.#answered(askId, outcome);
  }
}
