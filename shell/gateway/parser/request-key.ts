/**
 * Finds routing keys in an accepted head, on demand: the route, and so the key source, is known only
 * after the path. Bytes are compared raw; nothing is decoded. An empty value counts as absent.
 */
import { hashByte, hashEnd, hashStart } from "@prunella/core/ring";
import { accepted } from "../refusals.ts";
import { ascii, equals, htab, semicolon, space } from "./byte-classes.ts";
import { FieldLine, rangeIs, scanFieldLine } from "./field-line.ts";
import type { RequestHead } from "./request-head.ts";

const ampersand = 0x26;
const cookie = ascii("cookie");

/** A reused answer: `[start, end)` in the parsed array; meaningful after `true` only. */
export class ByteRange {
  start = -1;
  end = -1;
  /** Where the next line begins, for walks over repeated fields. */
  next = -1;
}

/** The first `name=value` of the query. `name` is raw and case-sensitive. */
export function findQuery(
  bytes: Uint8Array,
  head: RequestHead,
  name: Uint8Array,
  range: ByteRange,
): boolean {
  // The query begins behind its `?`; without one there is nothing to look at.
  return findPair(bytes, head.pathEnd + 1, head.targetEnd, ampersand, name, range);
}

/**
 * The first non-empty field of that name, dropped or not, without white space around the value.
 *
 * @param name - In lower case.
 * @param from - Where to begin: the first field, or `range.next` of the last answer.
 */
export function findHeader(
  bytes: Uint8Array,
  head: RequestHead,
  name: Uint8Array,
  range: ByteRange,
  from = head.fieldsStart,
): boolean {
  let at = from;
  while (scanFieldLine(bytes, at, head.end, line) === accepted) {
    at = line.end;
    if (line.valueEnd === line.valueStart || !rangeIs(bytes, line.start, line.nameEnd, name))
      continue;
    range.start = line.valueStart;
    range.end = line.valueEnd;
    range.next = line.end;
    return true;
  }
  return false;
}

/** The first cookie of that name (case-sensitive), over all Cookie lines; quotes stay. */
export function findCookie(
  bytes: Uint8Array,
  head: RequestHead,
  name: Uint8Array,
  range: ByteRange,
): boolean {
  let from = head.fieldsStart;
  while (findHeader(bytes, head, cookie, range, from)) {
    from = range.next;
    if (findPair(bytes, range.start, range.end, semicolon, name, range)) return true;
  }
  return false;
}

/** `hashKey` of core/ring over a range, without a slice. */
export function hashRange(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let state = hashStart(seed);
  for (let at = start; at < end; at++) state = hashByte(state, bytes[at] ?? 0);
  return hashEnd(state);
}

const line = new FieldLine();

/** The first `name=value` with a value among pairs that `separator` divides. */
function findPair(
  bytes: Uint8Array,
  start: number,
  end: number,
  separator: number,
  name: Uint8Array,
  range: ByteRange,
): boolean {
  let at = start;
  while (at < end) {
    while (at < end && isBlank(bytes[at])) at++;
    let pairEnd = at;
    while (pairEnd < end && bytes[pairEnd] !== separator) pairEnd++;
    let valueEnd = pairEnd;
    while (valueEnd > at && isBlank(bytes[valueEnd - 1])) valueEnd--;
    const valueStart = at + name.length + 1;
    if (valueStart < valueEnd && bytes[valueStart - 1] === equals && sameBytes(bytes, at, name)) {
      range.start = valueStart;
      range.end = valueEnd;
      return true;
    }
    at = pairEnd + 1;
  }
  return false;
}

function sameBytes(bytes: Uint8Array, start: number, text: Uint8Array): boolean {
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text[index]) return false;
  }
  return true;
}

/** Cookies have white space around their pairs; a query has none at all. */
function isBlank(byte: number | undefined): boolean {
  return byte === space || byte === htab;
}
