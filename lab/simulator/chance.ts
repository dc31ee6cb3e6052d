/**
 * The only source of randomness in a simulated run: the kernel's generator, carried by an object
 * because a run draws millions of times, and a hash for draws that must not depend on each other.
 *
 * The hash is what makes a failing run small: the delay of the 17th vote from 2 to 3 is the same
 * whether or not the crash before it is taken out of the run.
 */
import { mix32 } from "@prunella/core/kernel";

const golden = 0x9e3779b9;

export class Chance {
  #bits: number;

  constructor(seed: number) {
    this.#bits = seed >>> 0;
  }

  /** In [0, 1): the same numbers, in the same order, as the kernel's `draw`. */
  next(): number {
    this.#bits = (this.#bits + golden) >>> 0;
    return mix32(this.#bits) / 0x1_0000_0000;
  }

  happens(chance: number): boolean {
    return this.next() < chance;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  pick<Choice>(choices: readonly [Choice, ...(readonly Choice[])]): Choice {
    return choices[this.whole(0, choices.length - 1)] ?? choices[0];
  }
}

/** 32 bits that depend on all three numbers and on nothing else. */
export function hashBits(seed: number, a: number, b: number): number {
  return mix32(
    mix32(mix32(seed + golden) ^ Math.imul(a + 1, golden)) + Math.imul(b + 1, 0x85ebca6b),
  );
}

/** A draw in [0, 1) that depends on all three numbers and on nothing else. */
export function hashDraw(seed: number, a: number, b: number): number {
  return hashBits(seed, a, b) / 0x1_0000_0000;
}
