/**
 * The two fields that say where a body ends. Every disguise that two parsers could read differently
 * is refused: signs, lists, leading zeros, tabs, repeated lines, codings beside `chunked`.
 *
 * Source: RFC 9110, section 8.6; RFC 9112, sections 6.1 to 6.3, 7 and 11.2.
 */
import { accepted, refusal } from "../refusals.ts";
import { ascii, byteClass, comma, htab, space, tokenByte } from "./byte-classes.ts";
import { type FieldLine, rangeIs } from "./field-line.ts";

const chunked = ascii("chunked");
const zero = 0x30;

/** 2^53 - 1 has 16 digits. */
const lengthDigitsMax = 16;

/** The number of a Content-Length line, or -1 when its value is not one plain decimal number. */
export function readContentLength(bytes: Uint8Array, line: FieldLine): number {
  // Node refuses a tab behind the number; a tab on either side serves nobody but a disguise.
  if (hasTab(bytes, line.nameEnd, line.valueStart)) return -1;
  if (hasTab(bytes, line.valueEnd, line.end)) return -1;
  return readDecimal(bytes, line.valueStart, line.valueEnd);
}

/** 1*DIGIT without leading zero, at most 2^53 - 1; else -1. */
export function readDecimal(bytes: Uint8Array, start: number, end: number): number {
  const digits = end - start;
  if (digits < 1 || digits > lengthDigitsMax || (digits > 1 && bytes[start] === zero)) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] ?? 0) - zero;
    if (digit < 0 || digit > 9) return -1;
    value = 10 * value + digit;
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : -1;
}

/** `accepted` for exactly `chunked`, `te-coding` for other codings before it, else `te-syntax`. */
export function judgeTransferEncoding(bytes: Uint8Array, line: FieldLine): number {
  const valueEnd = line.end - 2; // With the white space behind: it is a disguise as well.
  if (hasTab(bytes, line.nameEnd, line.valueStart)) return refusal["te-syntax"];
  if (rangeIs(bytes, line.valueStart, valueEnd, chunked)) return accepted;
  return refusal[isChunkedLast(bytes, line.valueStart, valueEnd) ? "te-coding" : "te-syntax"];
}

/** True for a list of at least two plain codings with one `chunked`, at the very end. */
function isChunkedLast(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  let codings = 0;
  for (;;) {
    const from = at;
    while (at < end && (byteClass[bytes[at] ?? 0] ?? 0) & tokenByte) at++;
    if (at === from) return false;
    codings++;
    const isChunked = rangeIs(bytes, from, at, chunked);
    if (isChunked || at === end) return isChunked && at === end && codings > 1;
    while (at < end && (bytes[at] === space || bytes[at] === htab)) at++;
    if (bytes[at] !== comma || at === end) return false;
    at++;
    while (at < end && (bytes[at] === space || bytes[at] === htab)) at++;
  }
}

function hasTab(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === htab) return true;
  return false;
}
