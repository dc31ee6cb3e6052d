/** Counts by label for events that are rare; the hot path counts in typed arrays. */
import type { Counts } from "./snapshot.ts";

export class Tally<Label extends string> {
  readonly #counts: Record<string, number> = {};

  constructor(labels: readonly Label[]) {
    for (const label of labels) this.#counts[label] = 0;
  }

  add(label: Label, amount = 1): void {
    this.#counts[label] = (this.#counts[label] ?? 0) + amount;
  }

  get(label: Label): number {
    return this.#counts[label] ?? 0;
  }

  snapshot(): Counts {
    return { ...this.#counts };
  }
}
