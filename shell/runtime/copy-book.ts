/**
 * What is known of copies that no keeper keeps: those that an earlier agent left running, and the
 * highest incarnation of every name, which is not used again. One entry per name.
 *
 * Names that nobody wants any more are remembered until fifty others are gone as well: long enough
 * to read their logs, and anybody who adds and removes instances all day fills no disk.
 */
import type { InstanceName, ServiceName } from "@prunella/core/kernel";
import type { Copy } from "./host.ts";

const goneMax = 50;

export class CopyBook {
  readonly #copies = new Map<InstanceName, Copy>();
  readonly #incarnations = new Map<InstanceName, number>();
  /** Names that are wanted no more and have no copy that runs; the first to go comes first. */
  #gone = new Set<InstanceName>();

  /** Takes a copy into account. One that ended never becomes running again. */
  note(copy: Copy): void {
    const { instance, incarnation } = copy;
    this.noteIncarnation(instance, incarnation);
    const known = this.#copies.get(instance);
    if (known !== undefined && known.incarnation > incarnation) return;
    if (known?.incarnation === incarnation && !known.running) return;
    this.#copies.set(instance, copy);
  }

  noteIncarnation(instance: InstanceName, incarnation: number): void {
    this.#incarnations.set(instance, Math.max(incarnation, this.incarnationOf(instance)));
  }

  /** 0 for a name that was never used. */
  incarnationOf(instance: InstanceName): number {
    return this.#incarnations.get(instance) ?? 0;
  }

  knows(instance: InstanceName): boolean {
    return this.#incarnations.has(instance);
  }

  /** Hands the newest copy of this name over to a keeper, if one is known. */
  take(instance: InstanceName): Copy | undefined {
    const copy = this.#copies.get(instance);
    this.#copies.delete(instance);
    this.#gone.delete(instance);
    return copy;
  }

  /** Its keeper has done its work: nothing runs and nothing is wanted. */
  noteGone(instance: InstanceName): void {
    this.#gone.delete(instance);
    this.#gone.add(instance);
  }

  /** Which copies of a service ended under an earlier agent is known once its members are. */
  noteMembers(service: ServiceName, wanted: ReadonlySet<InstanceName>): void {
    const gone = [...this.#copies.values()]
      .filter((copy) => copy.service === service && !copy.running && !wanted.has(copy.instance))
      .sort((a, b) => a.startedAtMs - b.startedAtMs)
      .map(({ instance }) => instance);
    this.#gone = new Set([...gone, ...this.#gone]);
  }

  /** Forgets those that are gone and too many, and returns their names. */
  forgetOldest(): readonly InstanceName[] {
    const oldest = [...this.#gone].slice(0, -goneMax);
    for (const instance of oldest) {
      this.#gone.delete(instance);
      this.#copies.delete(instance);
      this.#incarnations.delete(instance);
    }
    return oldest;
  }

  get running(): readonly Copy[] {
    return [...this.#copies.values()].filter(({ running }) => running);
  }
}
