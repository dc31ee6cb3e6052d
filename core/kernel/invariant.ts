/** A bug in our own code. Never caught: the process ends and healing replaces it. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** States what must hold here. `sentence` says it in words, for the person who reads the crash. */
export function invariant(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new InvariantError(sentence);
}

/** Ends an exhaustive `switch`: the compiler proves that no case is missing. */
export function unreachable(value: never): never {
  throw new InvariantError(`unhandled case: ${JSON.stringify(value)}`);
}
