/**
 * A disk that confirms late and forgets what it has not confirmed.
 *
 * Records are confirmed one after the other, in the order in which they were written. A crash
 * decides about the rest: all of it reached the platter, none of it did, or some did and the next
 * one is torn in half.
 */
import type { Storage } from "./fault.ts";

export type Writing<Stored> = {
  readonly record: Stored;
  readonly ticket: number;
  readonly syncMs: number;
};

type Keep<Stored> = (records: readonly Stored[], record: Stored) => readonly Stored[];

export class Disk<Stored> {
  /** Counts the reasons why it confirms nothing. */
  stalls = 0;
  /** The oldest record would be confirmed if it were not for a stall. */
  isOverdue = false;
  #records: readonly Stored[] = [];
  #torn: Stored | undefined;
  #queue: Writing<Stored>[] = [];
  readonly #keep: Keep<Stored>;

  constructor(keep: Keep<Stored> | undefined) {
    this.#keep = keep ?? ((records, record) => [...records, record]);
  }

  get records(): readonly Stored[] {
    return this.#records;
  }

  get tornRecord(): Stored | undefined {
    return this.#torn;
  }

  /** What is confirmed next. */
  get oldest(): Writing<Stored> | undefined {
    return this.#queue[0];
  }

  /** Returns whether it was idle before: then somebody has to plan the confirmation. */
  write(writing: Writing<Stored>): boolean {
    return this.#queue.push(writing) === 1;
  }

  /** The oldest unconfirmed record is safe now. */
  confirm(): void {
    const writing = this.#queue.shift();
    if (writing !== undefined) this.#records = this.#keep(this.#records, writing.record);
  }

  /** `dice` in [0, 1) chooses how many unconfirmed records survive a torn write. */
  crash(storage: Storage, dice: number): void {
    const lost = this.#queue;
    this.#torn = undefined;
    if (storage === "wiped") this.#records = [];
    if (storage === "kept") while (this.oldest !== undefined) this.confirm();
    if (storage === "torn" && lost.length > 0) {
      const tornIndex = Math.floor(dice * lost.length);
      this.#torn = lost[tornIndex]?.record;
      for (let index = 0; index < tornIndex; index += 1) this.confirm();
    }
    this.#queue = [];
    this.isOverdue = false;
  }
}
