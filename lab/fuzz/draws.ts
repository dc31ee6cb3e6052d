/** Random choices from a seed, for generators: the same seed always makes the same input. */
import { mix32 } from "@prunella/core/kernel";

export class Draws {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An unsigned 32-bit integer. */
  bits(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    return mix32(this.#state);
  }

  /** An integer in [0, `below`). */
  below(below: number): number {
    return Math.floor((this.bits() / 0x1_0000_0000) * below);
  }

  /** True `per` times in a hundred. */
  percent(per: number): boolean {
    return this.below(100) < per;
  }

  one<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }
}
