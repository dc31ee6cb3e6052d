/**
 * What a process takes for the time. Its monotonic clock runs at a rate of its own and starts
 * anywhere; its wall clock may be set. True time is known to the world alone.
 */
export class Clock {
  #rate: number;
  #trueMs = 0;
  #localMs: number;
  #wallMs: number;

  constructor(options: {
    readonly rate: number;
    readonly localMs: number;
    readonly wallMs: number;
  }) {
    this.#rate = options.rate;
    this.#localMs = options.localMs;
    this.#wallMs = options.wallMs;
  }

  localAt(trueMs: number): number {
    return this.#localMs + (trueMs - this.#trueMs) * this.#rate;
  }

  /** When this clock will show `localMs`, if its rate stays. */
  trueAt(localMs: number): number {
    return this.#trueMs + (localMs - this.#localMs) / this.#rate;
  }

  wallAt(trueMs: number): number {
    return Math.floor(this.#wallMs + trueMs);
  }

  /** From `trueMs` on it runs at another rate; it never steps. */
  setRate(rate: number, trueMs: number): void {
    this.#localMs = this.localAt(trueMs);
    this.#trueMs = trueMs;
    this.#rate = rate;
  }

  /** Somebody sets the wall clock; the monotonic one does not notice. */
  stepWall(byMs: number): void {
    this.#wallMs += byMs;
  }
}
