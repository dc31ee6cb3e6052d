/**
 * One line of a head or a trailer: where lines end, and what a field line looks like.
 *
 * A line ends at the first CR, LF or NUL. If that is CR LF, its content is judged, first fault first;
 * anything else is refused as what it is. Nothing is refused before the line ended, so a verdict
 * depends on the bytes alone and never on how they were cut into packets (G5).
 *
 * Source: RFC 9112, sections 2.2 and 5; obs-fold and white space before the colon are refused.
 */
import { accepted, more, refusal } from "../refusals.ts";
import {
  byteClass,
  colon,
  cr,
  htab,
  lf,
  lineByte,
  lowerByte,
  plainByte,
  space,
  tokenByte,
  underscore,
  valueByte,
} from "./byte-classes.ts";

/** The empty line that ends the fields. Neither `accepted` nor `more` nor a refusal. */
export const endOfFields = -2;

/** One field line, reused. The value has no white space around it; `end` is behind CR LF. */
export class FieldLine {
  start = 0;
  nameEnd = 0;
  /** The name contains `_`, which programs behind us may take for `-`. */
  hasUnderscore = false;
  valueStart = 0;
  valueEnd = 0;
  end = 0;
}

/** Reads the line at `start`: `accepted` fills `line`, `endOfFields` sets its `end`. */
export function scanFieldLine(
  bytes: Uint8Array,
  start: number,
  stop: number,
  line: FieldLine,
): number {
  let at = start;
  while (at < stop && (byteClass[bytes[at] ?? 0] ?? 0) & plainByte) at++;
  let hasUnderscore = false;
  while (at < stop && bytes[at] === underscore) {
    hasUnderscore = true;
    while (at < stop && (byteClass[bytes[at] ?? 0] ?? 0) & tokenByte) at++;
  }
  if (at >= stop) return more;
  if (bytes[at] !== colon || at === start) return noName(bytes, start, at, stop, line);
  line.start = start;
  line.nameEnd = at;
  line.hasUnderscore = hasUnderscore;
  at++;
  while (at < stop && (bytes[at] === space || bytes[at] === htab)) at++;
  line.valueStart = at;
  while (at < stop && (byteClass[bytes[at] ?? 0] ?? 0) & valueByte) at++;
  if (at + 1 >= stop) return at < stop ? judgeLine(bytes, at, stop, refusal["value-syntax"]) : more;
  if (bytes[at] !== cr || bytes[at + 1] !== lf) {
    return judgeLine(bytes, at, stop, refusal["value-syntax"]);
  }
  line.end = at + 2;
  while (at > line.valueStart && (bytes[at - 1] === space || bytes[at - 1] === htab)) at--;
  line.valueEnd = at;
  return accepted;
}

/** Finds where the line that contains `at` ends; `fault` is the verdict if it ends as it should. */
export function judgeLine(bytes: Uint8Array, at: number, stop: number, fault: number): number {
  const lineEnd = lineEndFrom(bytes, at, stop);
  if (lineEnd >= stop) return more;
  const byte = bytes[lineEnd];
  if (byte === lf) return refusal["bare-lf"];
  if (byte !== cr) return refusal.nul;
  if (lineEnd + 1 >= stop) return more;
  return bytes[lineEnd + 1] === lf ? fault : refusal["bare-cr"];
}

/**
 * True when the line that is known to have no end before `scanned` has one now. What this looked at
 * need not be looked at again: see `scannedUntil`.
 */
export function lineIsComplete(bytes: Uint8Array, scanned: number, stop: number): boolean {
  const lineEnd = lineEndFrom(bytes, scanned, stop);
  return lineEnd < stop && (bytes[lineEnd] !== cr || lineEnd + 1 < stop);
}

/** Up to where an incomplete line needs no second look: its last byte may be half of CR LF. */
export function scannedUntil(bytes: Uint8Array, start: number, stop: number): number {
  return stop > start && bytes[stop - 1] === cr ? stop - 1 : stop;
}

/** `name` in lower case; the length was compared before. */
export function nameIs(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let index = 0; index < name.length; index++) {
    if (lowerByte[bytes[start + index] ?? 0] !== name[index]) return false;
  }
  return true;
}

/** True when `[start, end)` is `text`, which is in lower case, in any case. */
export function rangeIs(bytes: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  return end - start === text.length && nameIs(bytes, start, text);
}

function lineEndFrom(bytes: Uint8Array, from: number, stop: number): number {
  let at = from;
  while (at < stop && (byteClass[bytes[at] ?? 0] ?? 0) & lineByte) at++;
  return at;
}

/** The line has no colon behind a token: it is empty, folded, or faulty. */
function noName(
  bytes: Uint8Array,
  start: number,
  at: number,
  stop: number,
  line: FieldLine,
): number {
  const byte = bytes[at];
  const white = byte === space || byte === htab;
  if (at > start) {
    if (!white) return judgeLine(bytes, at, stop, refusal["name-syntax"]);
    let behind = at;
    while (behind < stop && (bytes[behind] === space || bytes[behind] === htab)) behind++;
    const spaced = behind < stop && bytes[behind] === colon;
    return judgeLine(bytes, at, stop, refusal[spaced ? "name-space" : "name-syntax"]);
  }
  if (white) return judgeLine(bytes, at, stop, refusal.fold);
  if (byte !== cr) return judgeLine(bytes, at, stop, refusal["name-syntax"]);
  if (at + 1 >= stop) return more;
  if (bytes[at + 1] !== lf) return refusal["bare-cr"];
  line.end = at + 2;
  return endOfFields;
}
