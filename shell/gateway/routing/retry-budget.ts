/**
 * How many retries a service may afford (G10): a token bucket. Each first attempt adds a tenth of a
 * token and each second a whole one; a retry that may cost work costs one. The bucket holds what a
 * tenth of the last ten seconds' requests earned, and at least ten. So under a total outage the load
 * on what is left grows by 10 % and a constant, however long it lasts.
 */
const earnedPerRequest = 0.1;
const earnedPerSecond = 1;
const capacityMin = 10;
const windowS = 10;

export class RetryBudget {
  #tokens = capacityMin;
  #refilledAtMs: number;
  /** Requests by second, as a ring over the window. */
  readonly #requests = new Float64Array(windowS);
  #second: number;
  #windowCount = 0;

  constructor(nowMs: number) {
    this.#refilledAtMs = nowMs;
    this.#second = Math.floor(nowMs / 1_000);
  }

  /** Called for the first attempt of each request. */
  earn(nowMs: number): void {
    this.#turn(nowMs);
    const slot = this.#second % windowS;
    this.#requests[slot] = (this.#requests[slot] ?? 0) + 1;
    this.#windowCount += 1;
    this.#tokens = Math.min(this.#tokens + earnedPerRequest, this.#capacity());
  }

  /** Takes one token if there is one. */
  spend(nowMs: number): boolean {
    this.#turn(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  tokens(nowMs: number): number {
    this.#turn(nowMs);
    return this.#tokens;
  }

  #capacity(): number {
    return Math.max(capacityMin, earnedPerRequest * this.#windowCount);
  }

  #turn(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    if (second === this.#second) return;
    const passed = Math.min(second - this.#second, windowS);
    for (let step = 1; step <= passed; step++) {
      const slot = (this.#second + step) % windowS;
      this.#windowCount -= this.#requests[slot] ?? 0;
      this.#requests[slot] = 0;
    }
    this.#second = second;
    const elapsedS = (nowMs - this.#refilledAtMs) / 1_000;
    this.#refilledAtMs = nowMs;
    this.#tokens = Math.min(this.#tokens + elapsedS * earnedPerSecond, this.#capacity());
  }
}
