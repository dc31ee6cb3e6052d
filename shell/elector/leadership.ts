/**
 * What a leader holds in its hand, and the loop of whoever wants to lead.
 *
 * Invariants:
 *   X1  `assert()` throws as soon as the lease is over by the clock, even if no timer ever fired.
 *   X2  Work of one leadership has ended before that of the next one begins in this process.
 *   X3  After `signal` aborts, `run` starts nothing (S10).
 */

import { ClusterError } from "@prunella/core/kernel";
import { Bell } from "@prunella/driver";

export type Leadership = {
  readonly term: number;
  /** Send it with every write; see the fences. */
  readonly token: string;
  /** Aborts when the leadership has ended; its reason says why. */
  readonly signal: AbortSignal;
  /** Aborts when a handover begins: start nothing new. */
  readonly handingOver: AbortSignal;
  /**
   * Returns while the lease is good. Call it before each protected step.
   *
   * @throws ClusterError `NOT_LEADER`.
   */
  assert(): void;
  /**
   * Runs work that a handover waits for.
   *
   * @throws ClusterError `NOT_LEADER` when the leadership has ended or is being handed over.
   */
  run<T>(work: () => T | Promise<T>): Promise<T>;
};

export class Leaderships {
  readonly #holds: (term: number) => boolean;
  readonly #bell = new Bell();
  #current: HeldLeadership | undefined;

  /** `holds` asks the machine, by the clock, whether this term is still led here. */
  constructor(holds: (term: number) => boolean) {
    this.#holds = holds;
  }

  get current(): Leadership | undefined {
    return this.#current;
  }

  begin(term: number, token: string): void {
    this.#current = new HeldLeadership(term, token, () => this.#holds(term));
    this.#bell.ring();
  }

  /** Resolves when nothing is under way any more, or after `boundMs`. */
  async drain(boundMs: number): Promise<void> {
    await this.#current?.drain(boundMs);
  }

  end(why: string): void {
    this.#current?.end(why);
    this.#current = undefined;
    this.#bell.ring();
  }

  /** Each leadership of this member, one after the other, until `signal` aborts. */
  async *each(signal: AbortSignal): AsyncGenerator<Leadership, void, void> {
    let last = 0;
    for (;;) {
      const next = this.#current;
      if (next !== undefined && next.term > last && !next.signal.aborted) {
        last = next.term;
        yield next;
        continue;
      }
      if (signal.aborted) return;
      await this.#bell.next(signal);
      if (signal.aborted) return;
    }
  }
}

class HeldLeadership implements Leadership {
  readonly term: number;
  readonly token: string;
  readonly #holds: () => boolean;
  readonly #ended = new AbortController();
  readonly #handingOver = new AbortController();
  readonly #idle = new Bell();
  #runningCount = 0;

  constructor(term: number, token: string, holds: () => boolean) {
    this.term = term;
    this.token = token;
    this.#holds = holds;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get handingOver(): AbortSignal {
    return this.#handingOver.signal;
  }

  assert(): void {
    if (this.#ended.signal.aborted) throw this.#ended.signal.reason;
    if (!this.#holds()) throw notLeader(this.term, "its lease has ended");
  }

  async run<T>(work: () => T | Promise<T>): Promise<T> {
    this.assert();
    if (this.#handingOver.signal.aborted) throw notLeader(this.term, "it is being handed over");
    this.#runningCount += 1;
    try {
      return await work();
    } finally {
      this.#runningCount -= 1;
      if (this.#runningCount === 0) this.#idle.ring();
    }
  }

  async drain(boundMs: number): Promise<void> {
    this.#handingOver.abort(notLeader(this.term, "it is being handed over"));
    const bound = AbortSignal.any([AbortSignal.timeout(boundMs), this.#ended.signal]);
    await this.#idle
      .until(() => this.#runningCount === 0, bound)
      .catch((error: unknown) => {
        if (!bound.aborted) throw error;
      });
  }

  end(why: string): void {
    const reason = notLeader(this.term, why);
    this.#handingOver.abort(reason);
    this.#ended.abort(reason);
  }
}

function notLeader(term: number, why: string): ClusterError {
  return new ClusterError("NOT_LEADER", {
    message: `This member does not lead term ${term} any more: ${why}. Start nothing; the new leader goes on.`,
    details: { term, why },
  });
}
