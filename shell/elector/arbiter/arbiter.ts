/**
 * Mode `arbiter`: one record outside of the members decides who leads, by compare-and-set. The members
 * only find out who should try, and when.
 */
import type { ArbiterRecord, VersionedRecord } from "@prunella/core/election";

export type SwapOutcome =
  | { readonly kind: "written"; readonly version: string }
  /** Somebody else wrote first: not written, for certain. */
  | { readonly kind: "conflict" };

/**
 * A store with compare-and-set. Every method honours `signal`. A rejection means that nobody knows what
 * happened: `ARBITER_UNAVAILABLE` when it is worth to ask again. Versions are the store's own; they
 * change with every write and never come back.
 */
export interface Arbiter {
  /** For messages. */
  readonly name: string;

  read(signal: AbortSignal): Promise<VersionedRecord>;

  /** Replaces the record if its version is still `expected`; undefined: if there is none. */
  swap(
    expected: string | undefined,
    record: ArbiterRecord,
    signal: AbortSignal,
  ): Promise<SwapOutcome>;
}
