/**
 * Finds routing keys in an accepted head, on demand: the route, and so the key source, is known only
 * after the path. Bytes are compared raw; nothing is decoded. An empty value counts as absent.
 */
import type { RequestHead } from "./request-head.ts";

/** A reused answer: `[start, end)` in the parsed array. */
export class ByteRange {
  start = -1;
  end = -1;
}

/** The first `name=value` of the query. `name` is raw and case-sensitive. */
export function findQuery(
  _bytes: Uint8Array,
  _head: RequestHead,
  _name: Uint8Array,
  _range: ByteRange,
): boolean {
  throw new Error("not built yet");
}

/**
 * The first field of that name, dropped or not, without white space around the value. `name` is in
 * lower case. `from` (default: the first field) lets a caller walk repeated lines: pass `range.end`.
 */
export function findHeader(
  _bytes: Uint8Array,
  _head: RequestHead,
  _name: Uint8Array,
  _range: ByteRange,
  _from?: number,
): boolean {
  throw new Error("not built yet");
}

/** The first cookie of that name (case-sensitive), over all Cookie lines; quotes stay. */
export function findCookie(
  _bytes: Uint8Array,
  _head: RequestHead,
  _name: Uint8Array,
  _range: ByteRange,
): boolean {
  throw new Error("not built yet");
}

/** `hashKey` of core/ring over a range, without a slice. */
export function hashRange(_bytes: Uint8Array, _start: number, _end: number, _seed: number): number {
  throw new Error("not built yet");
}
