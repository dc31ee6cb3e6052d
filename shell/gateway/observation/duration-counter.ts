/**
 * A histogram of durations with buckets of powers of two, from 64 microseconds to 67 seconds. Finding
 * the bucket is one `clz32`; nothing is allocated.
 */
import type { DurationHistogram } from "./snapshot.ts";

const firstExponent = 6; // 2^6 microseconds.
const boundCount = 21;

export class DurationCounter {
  readonly #counts = new Float64Array(boundCount + 1);
  #sumMs = 0;

  add(durationMs: number): void {
    this.#sumMs += durationMs;
    const micros = Math.min(durationMs * 1_000, 0x7fff_ffff) | 0;
    // A duration of at most 2^k microseconds belongs to the bucket of k.
    const exponent = micros <= 1 ? 0 : 32 - Math.clz32(micros - 1);
    const bucket = Math.min(Math.max(exponent - firstExponent, 0), boundCount);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  snapshot(): DurationHistogram {
    const counts = [...this.#counts];
    return {
      boundsS: durationBoundsS,
      counts,
      sumS: this.#sumMs / 1_000,
      count: counts.reduce((sum, count) => sum + count, 0),
    };
  }
}

const durationBoundsS: readonly number[] = Array.from(
  { length: boundCount },
  (_, index) => 2 ** (index + firstExponent) / 1_000_000,
);
