/**
 * Randomness as data: a state of 32 bits that the caller carries. The same seed gives the same run.
 *
 * Source: the mixing step is splitmix32 with the constants of murmur3's finaliser; the increment is
 * the golden ratio in 32 bits, so all 2^32 states are visited.
 */
export type Rng = { readonly bits: number };

export function rngFrom(seed: number): Rng {
  return { bits: seed >>> 0 };
}

/** Draws a number in [0, 1) and returns the next generator beside it. */
export function draw(rng: Rng): { readonly value: number; readonly rng: Rng } {
  const bits = (rng.bits + 0x9e3779b9) >>> 0;
  return { value: mix32(bits) / 0x1_0000_0000, rng: { bits } };
}

/** Murmur3's 32-bit finaliser: every input bit changes about half of the output bits. */
export function mix32(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
