/**
 * What is known of copies that no keeper keeps: those that an earlier agent left running, and the
 * highest incarnation of every name ever used, which is never used again. One entry per name.
 */
import type { InstanceName } from "@prunella/core/kernel";
import type { Copy } from "./host.ts";

export class CopyBook {
  readonly #copies = new Map<InstanceName, Copy>();
  readonly #incarnations = new Map<InstanceName, number>();

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
    return copy;
  }

  get running(): readonly Copy[] {
    return [...this.#copies.values()].filter(({ running }) => running);
  }
}
