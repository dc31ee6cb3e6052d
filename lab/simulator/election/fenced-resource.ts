/**
 * What leaders write to: a resource that keeps the highest token it has seen and refuses lower ones.
 * It is the only one who can stop a write that left before its leader knew that it lost the lead.
 */
export class FencedResource {
  #highest = -1n;
  readonly #isChecking: boolean;

  /** A resource that does not check is what the mutant `tokenCheck` breaks. */
  constructor(isChecking: boolean) {
    this.#isChecking = isChecking;
  }

  get highest(): bigint {
    return this.#highest;
  }

  /** Takes the token, or refuses whoever brings it. */
  accept(token: bigint): boolean {
    if (token < this.#highest) return !this.#isChecking;
    this.#highest = token;
    return true;
  }
}
