/**
 * The head of a request: a pure incremental machine over bytes. Refuse, do not repair.
 *
 *   G5  The outcome does not depend on how the input was cut: a line is judged when it ends, never
 *       before, so the verdict and the byte that brings it are a function of the bytes alone.
 *   G6  Work per byte is bounded: a head that comes whole is read once; a head that trickles is searched
 *       for line ends as it comes and each line is read once when it is complete.
 *
 * Offsets, never slices, leave this module, and nothing is decoded. The rules live in the files beside
 * it: `request-line`, `field-line`, `request-fields` (one field) and `request-rules` (the whole head).
 *
 * Source: RFC 9110 and RFC 9112; where they leave a choice, refusal is ours.
 */
import { accepted, more, refusal } from "../refusals.ts";
import { cr, lf } from "./byte-classes.ts";
import {
  endOfFields,
  FieldLine,
  judgeLine,
  lineIsComplete,
  scanFieldLine,
  scannedUntil,
} from "./field-line.ts";
import { readRequestField } from "./request-fields.ts";
import { noUpgrade, type RequestHead } from "./request-head.ts";
import type { RequestLimits } from "./request-limits.ts";
import { readRequestLine } from "./request-line.ts";
import { closeRequestHead } from "./request-rules.ts";

/**
 * Reads a request head that starts at `start`, from the beginning.
 *
 * @returns `accepted`; `more` when the head is incomplete; else the number of a refusal.
 *
 * The answer depends on the bytes alone: it is the same for every way to cut them into pieces, and a
 * refusal comes with exactly the byte that completes the faulty line.
 *
 * The shared `head` of the process is enough for this call. After `more` the caller gives the
 * connection a buffer and a `RequestHead` of its own, calls this once with them, and then
 * `resumeRequestHead` for each new piece: each byte is looked at a constant number of times.
 */
export function parseRequestHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: RequestLimits,
  head: RequestHead,
): number {
  reset(head, start);
  return readHead(bytes, end, limits, head);
}

/**
 * Goes on after `more` with the same head, the same offsets (the array may have grown) and a later `end`.
 */
export function resumeRequestHead(
  bytes: Uint8Array,
  end: number,
  limits: RequestLimits,
  head: RequestHead,
): number {
  const stop = Math.min(end, head.messageStart + limits.headBytesMax);
  if (!lineIsComplete(bytes, head.scanned, stop)) return incomplete(bytes, end, limits, head);
  return readHead(bytes, end, limits, head);
}

const line = new FieldLine();

/** Reads from the line in progress, which may be complete by now. */
function readHead(
  bytes: Uint8Array,
  end: number,
  limits: RequestLimits,
  head: RequestHead,
): number {
  const stop = Math.min(end, head.messageStart + limits.headBytesMax);
  if (!head.inFields) {
    const result = readFirstLines(bytes, stop, limits, head);
    if (result === more) return incomplete(bytes, end, limits, head);
    if (result !== accepted) return result;
  }
  let at = head.lineStart;
  for (;;) {
    const result = scanFieldLine(bytes, at, stop, line);
    if (result === accepted) {
      if (head.fieldCount === limits.fieldsMax) return refusal["head-count"];
      head.fieldCount++;
      const verdict = readRequestField(bytes, line, limits, head);
      if (verdict !== accepted) return verdict;
      at = line.end;
    } else if (result === endOfFields) {
      head.fieldsEnd = at;
      head.end = line.end;
      return closeRequestHead(bytes, head);
    } else {
      head.lineStart = at;
      return result === more ? incomplete(bytes, end, limits, head) : result;
    }
  }
}

/** At most one empty line, then the request line. */
function readFirstLines(
  bytes: Uint8Array,
  stop: number,
  limits: RequestLimits,
  head: RequestHead,
): number {
  while (head.lineStart < stop && bytes[head.lineStart] === cr) {
    const at = head.lineStart;
    if (at + 1 >= stop) return more;
    if (bytes[at + 1] !== lf) return refusal["bare-cr"];
    if (at > head.messageStart) return refusal["empty-line"];
    head.lineStart = at + 2;
  }
  const result = readRequestLine(bytes, head.lineStart, stop, limits, head);
  if (result === more) return more;
  if (result !== accepted) return judgeLine(bytes, head.faultAt, stop, result);
  head.inFields = true;
  head.lineStart = head.fieldsStart;
  return accepted;
}

/** The line in progress has no end yet. Beyond the limit it never gets one. */
function incomplete(
  bytes: Uint8Array,
  end: number,
  limits: RequestLimits,
  head: RequestHead,
): number {
  const limit = head.messageStart + limits.headBytesMax;
  if (end < limit) {
    head.scanned = scannedUntil(bytes, head.lineStart, end);
    return more;
  }
  if (head.inFields) return refusal["head-large"];
  const fault = readRequestLine(bytes, head.lineStart, limit, limits, head);
  return refusal[fault === refusal["target-long"] ? "target-long" : "head-large"];
}

/** Everything that a head may set. A field forgotten here would leak from one request into the next. */
function reset(head: RequestHead, start: number): void {
  head.method = 0;
  head.idempotent = false;
  head.needsSlash = false;
  head.asterisk = false;
  head.hasDotSegment = false;
  head.minorVersion = 1;
  head.rewritesLine = false;
  head.fieldCount = 0;
  head.contentLength = -1;
  head.chunked = false;
  head.keepAlive = true;
  head.expectContinue = false;
  head.upgrade = noUpgrade;
  head.hostStart = -1;
  head.hostEnd = -1;
  head.hostNameEnd = -1;
  head.needsHost = false;
  head.requestIdStart = -1;
  head.requestIdEnd = -1;
  head.forwardedForStart = -1;
  head.forwardedForEnd = -1;
  head.forwardedForCount = 0;
  head.forwardedProtoStart = -1;
  head.forwardedProtoEnd = -1;
  head.forwardedHostStart = -1;
  head.forwardedHostEnd = -1;
  head.dropCount = 0;
  head.connection.reset();
  head.messageStart = start;
  head.lineStart = start;
  head.scanned = start;
  head.inFields = false;
  head.authorityStart = -1;
  head.hostLineStart = -1;
  head.expectLineStart = -1;
  head.upgradeLineStart = -1;
  head.upgradeLineCount = 0;
  head.requestIdLineCount = 0;
  head.ownViaCount = 0;
}
