/** What a checker throws when a promise was broken. The run ends there; its seed and trace tell why. */
export class Violation extends Error {
  override readonly name = "Violation";
  /** The promise, by its id. */
  readonly promise: string;
  readonly sentence: string;
  readonly atMs: number;

  constructor(promise: string, sentence: string, atMs: number) {
    super(`${promise} at ${atMs.toFixed(3)} ms: ${sentence}`);
    this.promise = promise;
    this.sentence = sentence;
    this.atMs = atMs;
  }
}
