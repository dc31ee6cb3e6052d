/**
 * Doubt yourself first: measures how late this process's own event loop is, so that a member that got no
 * processor does not take its own sleep for the silence of its leader.
 *
 * Source: the idea is Lifeguard's (arXiv 1707.00788): whoever is slow itself waits longer for others.
 */

export type LoopLag = {
  /** 99 of 100 delays of the last two seconds are shorter. */
  readonly delayP99Ms: number;
  /** The last tick came so much later than it should have: the process was stopped or starved. */
  readonly jumpMs: number;
};

const windowMs = 2_000;

/** One measurement every `everyMs`; `onLag` hears of every tick that was later than `lateMs`. */
export class LoopWatch implements Disposable {
  readonly #delays: { atMs: number; delayMs: number }[] = [];
  readonly #timer: NodeJS.Timeout;
  #dueAtMs: number;

  constructor(everyMs: number, lateMs: number, onLag: (lag: LoopLag) => void) {
    this.#dueAtMs = performance.now() + everyMs;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      const delayMs = Math.max(0, nowMs - this.#dueAtMs);
      this.#dueAtMs = nowMs + everyMs;
      this.#remember(nowMs, delayMs);
      if (delayMs > lateMs) onLag({ delayP99Ms: this.delayP99Ms, jumpMs: delayMs });
    }, everyMs);
    this.#timer.unref();
  }

  get delayP99Ms(): number {
    const sorted = this.#delays.map(({ delayMs }) => delayMs).sort((a, b) => a - b);
    return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #remember(atMs: number, delayMs: number): void {
    this.#delays.push({ atMs, delayMs });
    while ((this.#delays[0]?.atMs ?? atMs) < atMs - windowMs) this.#delays.shift();
  }
}
