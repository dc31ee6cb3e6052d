/**
 * The request line: `METHOD SP target SP HTTP/1.x`, and nothing else.
 *
 * One pass validates the target and hashes its path: the routing key costs no second look. Faults are
 * raw here; the caller judges them once the line has ended (`judgeLine`). When the line has several,
 * the first one counts, except that a foreign version comes before a foreign method: the preface of
 * HTTP/2 is a question of version.
 *
 * Source: RFC 9112, sections 2.3, 3 and 3.2; RFC 9110, section 9.1.
 */
import { hashByte, hashEnd, hashStart } from "@prunella/core/ring";
import { accepted, more, refusal } from "../refusals.ts";
import {
  ascii,
  byteClass,
  cr,
  dotByte,
  htab,
  lf,
  pathByte,
  question,
  slash,
  space,
  targetByte,
  tokenByte,
} from "./byte-classes.ts";
import { methodCode } from "./methods.ts";
import type { RequestHead } from "./request-head.ts";
import type { RequestLimits } from "./request-limits.ts";
import { readTargetForm } from "./target-form.ts";

const connect = ascii("CONNECT");
const trace = ascii("TRACE");
const versionText = ascii("HTTP/");

/**
 * Fills the fields of the request line. Not final: a fault is only one once its line has ended, and
 * `head.faultAt` is where it lies. `accepted` includes CR LF.
 */
export function readRequestLine(
  bytes: Uint8Array,
  start: number,
  stop: number,
  limits: RequestLimits,
  head: RequestHead,
): number {
  let at = start;
  while (at < stop && (byteClass[bytes[at] ?? 0] ?? 0) & tokenByte) at++;
  head.faultAt = at;
  if (at >= stop) return more;
  if (bytes[at] !== space || at === start) return methodFault(bytes, start, at);
  head.methodStart = start;
  head.methodEnd = at;
  const methodResult = readMethod(bytes, start, at, limits, head);

  at = readTarget(bytes, at + 1, stop, limits, head);
  head.faultAt = at;
  const targetLength = at - head.targetStart;
  if (targetLength > limits.targetBytesMax) return refusal["target-long"];
  if (at >= stop) return more;
  if (bytes[at] !== space || targetLength === 0) return targetFault(bytes, at, targetLength);

  const versionResult = readVersion(bytes, at + 1, stop, head);
  if (versionResult !== accepted) return versionResult;
  if (methodResult !== accepted) return methodResult;
  if (bytes[head.targetStart] === slash) {
    if (head.hasDotSegment) head.hasDotSegment = hasDotSegment(bytes, head);
  } else {
    const formResult = readTargetForm(bytes, limits, head);
    if (formResult !== accepted) return formResult;
    head.hasDotSegment = hasDotSegment(bytes, head);
  }
  return head.hasDotSegment && limits.refuseDotSegments ? refusal["dot-segment"] : accepted;
}

function readMethod(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: RequestLimits,
  head: RequestHead,
): number {
  for (const method of limits.methods[end - start] ?? []) {
    if (!startsWith(bytes, start, method.name)) continue;
    head.method = method.code;
    head.idempotent = method.idempotent;
    return accepted;
  }
  head.method = methodCode.other;
  head.idempotent = false;
  if (end - start === 7 && startsWith(bytes, start, connect)) return refusal.connect;
  if (end - start === 5 && startsWith(bytes, start, trace)) return refusal.trace;
  return refusal["method-unknown"];
}

/** Returns where the target ends. Sets its range, the end of its path and the hash of its path. */
function readTarget(
  bytes: Uint8Array,
  start: number,
  stop: number,
  limits: RequestLimits,
  head: RequestHead,
): number {
  let at = start;
  let hash = hashStart(limits.hashSeed);
  let suspicious = false;
  while (at < stop) {
    const byte = bytes[at] ?? 0;
    const bits = byteClass[byte] ?? 0;
    if ((bits & pathByte) === 0) break;
    if (bits & dotByte && bytes[at - 1] === slash) suspicious = true;
    hash = hashByte(hash, byte);
    at++;
  }
  head.targetStart = start;
  head.pathEnd = at;
  head.pathHash = hashEnd(hash);
  head.hasDotSegment = suspicious; // Not exact yet: `/.hidden` is suspicious, too.
  if (bytes[at] === question && at < stop) {
    while (at < stop && (byteClass[bytes[at] ?? 0] ?? 0) & targetByte) at++;
  }
  head.targetEnd = at;
  return at;
}

/** `at` is behind the second space. `accepted` sets `fieldsStart`. */
function readVersion(bytes: Uint8Array, at: number, stop: number, head: RequestHead): number {
  head.faultAt = at;
  if (at + 10 > stop) return versionFault(bytes, at, stop, head);
  const minor = (bytes[at + 7] ?? 0) - 0x30;
  if (
    !startsWith(bytes, at, versionText) ||
    bytes[at + 5] !== 0x31 ||
    bytes[at + 6] !== 0x2e ||
    (minor !== 1 && minor !== 0) ||
    bytes[at + 8] !== cr ||
    bytes[at + 9] !== lf
  ) {
    return versionFault(bytes, at, stop, head);
  }
  head.minorVersion = minor;
  head.fieldsStart = at + 10;
  return accepted;
}

/** Why the text behind the second space is not `HTTP/1.0` or `HTTP/1.1` and CR LF. */
function versionFault(bytes: Uint8Array, at: number, stop: number, head: RequestHead): number {
  let end = at;
  let spaced = false;
  while (end < stop && (bytes[end] ?? 0) >= 0x20) {
    if (bytes[end] === space) spaced = true;
    end++;
  }
  head.faultAt = end;
  if (spaced || bytes[end] === htab) return refusal["request-line"];
  const wellFormed =
    end - at === 8 &&
    startsWith(bytes, at, versionText) &&
    isDigit(bytes[at + 5]) &&
    bytes[at + 6] === 0x2e &&
    isDigit(bytes[at + 7]);
  return refusal[wellFormed ? "version" : "version-syntax"];
}

function methodFault(bytes: Uint8Array, start: number, at: number): number {
  const byte = bytes[at];
  if (at > start && (byte === htab || byte === cr)) return refusal["request-line"];
  return refusal["method-syntax"];
}

function targetFault(bytes: Uint8Array, at: number, length: number): number {
  const byte = bytes[at];
  if (byte === htab || byte === space) return refusal["request-line"];
  return refusal[byte === cr && length > 0 ? "version-syntax" : "target-syntax"];
}

/** A whole segment of one or two dots, each plain or `%2e`. */
function hasDotSegment(bytes: Uint8Array, head: RequestHead): boolean {
  let dots = -1; // Dots since the last slash, or -1 when the segment is something else.
  for (let at = head.targetStart; at < head.pathEnd; at++) {
    const byte = bytes[at];
    if (byte === slash) {
      if (dots === 1 || dots === 2) return true;
      dots = 0;
    } else if (dots >= 0 && byte === 0x2e) {
      dots++;
    } else if (dots >= 0 && isEncodedDot(bytes, at, head.pathEnd)) {
      dots++;
      at += 2;
    } else {
      dots = -1;
    }
  }
  return dots === 1 || dots === 2;
}

function isEncodedDot(bytes: Uint8Array, at: number, end: number): boolean {
  if (bytes[at] !== 0x25 || at + 2 >= end || bytes[at + 1] !== 0x32) return false;
  return bytes[at + 2] === 0x65 || bytes[at + 2] === 0x45;
}

function startsWith(bytes: Uint8Array, start: number, text: Uint8Array): boolean {
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text[index]) return false;
  }
  return true;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}
