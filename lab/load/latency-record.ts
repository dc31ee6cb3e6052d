/**
 * Latencies in buckets of about 1 % width, so that millions of them cost a few kilobytes and the
 * percentiles stay exact enough to compare.
 */
export type Percentiles = {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
};

const growth = Math.log(1.01);
const smallestMs = 0.001;
const bucketCount = 2_400; // Up to about 23 hours.

export class LatencyRecord {
  readonly #counts = new Float64Array(bucketCount);
  #count = 0;
  #maxMs = 0;

  add(durationMs: number): void {
    const exponent = Math.log(Math.max(durationMs, smallestMs) / smallestMs) / growth;
    const bucket = Math.min(Math.ceil(exponent), bucketCount - 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#maxMs = Math.max(this.#maxMs, durationMs);
  }

  percentiles(): Percentiles {
    const at = (share: number): number => this.#percentile(share);
    return {
      count: this.#count,
      p50: at(0.5),
      p90: at(0.9),
      p99: at(0.99),
      p999: at(0.999),
      max: round(this.#maxMs),
    };
  }

  #percentile(share: number): number {
    const rank = Math.ceil(share * this.#count);
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank && seen > 0) {
        return round(Math.min(smallestMs * Math.exp(bucket * growth), this.#maxMs));
      }
    }
    return 0;
  }
}

function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
