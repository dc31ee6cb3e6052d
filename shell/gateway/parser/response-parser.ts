/**
 * The head of a response: the same machine as for requests, with the rules of the other side.
 *
 * What it refuses reaches the client as `bad-response`, and the connection to the instance is
 * destroyed; the number of the reason is for logs and metrics. G5 and G6 hold as in `request-parser`.
 *
 * Source: RFC 9112, sections 4 to 7 and 9.3; RFC 9110, sections 7.6.1, 7.8, 8.6 and 15.
 */
import { accepted, more, refusal } from "../refusals.ts";
import { ascii, byteClass, cr, lf, space, valueByte } from "./byte-classes.ts";
import {
  endOfFields,
  FieldLine,
  judgeLine,
  lineIsComplete,
  scanFieldLine,
  scannedUntil,
} from "./field-line.ts";
import { readResponseField } from "./response-fields.ts";
import type { ResponseHead, ResponseLimits } from "./response-head.ts";
import { closeResponseHead } from "./response-rules.ts";

const version = ascii("HTTP/1.");
const zero = 0x30;

/**
 * Reads a response head from the beginning. Same contract as `parseRequestHead`.
 *
 * @param asked - Sum of `askedHead` and `askedUpgrade`, or 0.
 */
export function parseResponseHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: ResponseLimits,
  asked: number,
  head: ResponseHead,
): number {
  reset(head, start);
  return readHead(bytes, end, limits, asked, head);
}

/** Goes on after `more` with the same head, the same offsets and a later `end`. */
export function resumeResponseHead(
  bytes: Uint8Array,
  end: number,
  limits: ResponseLimits,
  asked: number,
  head: ResponseHead,
): number {
  const stop = Math.min(end, head.start + limits.headBytesMax);
  if (!lineIsComplete(bytes, head.scanned, stop)) return incomplete(bytes, end, limits, head);
  return readHead(bytes, end, limits, asked, head);
}

const line = new FieldLine();

/** Reads from the line in progress, which may be complete by now. */
function readHead(
  bytes: Uint8Array,
  end: number,
  limits: ResponseLimits,
  asked: number,
  head: ResponseHead,
): number {
  const stop = Math.min(end, head.start + limits.headBytesMax);
  if (!head.inFields) {
    const result = readStatusLine(bytes, head.lineStart, stop, head);
    if (result === more) return incomplete(bytes, end, limits, head);
    if (result !== accepted) {
      const verdict = judgeLine(bytes, head.faultAt, stop, result);
      return verdict === more ? incomplete(bytes, end, limits, head) : verdict;
    }
    head.inFields = true;
    head.lineStart = head.fieldsStart;
  }
  let at = head.lineStart;
  for (;;) {
    const result = scanFieldLine(bytes, at, stop, line);
    if (result === accepted) {
      if (head.fieldCount === limits.fieldsMax) return refusal["head-count"];
      head.fieldCount++;
      const verdict = readResponseField(bytes, line, head);
      if (verdict !== accepted) return verdict;
      at = line.end;
    } else if (result === endOfFields) {
      head.fieldsEnd = at;
      head.end = line.end;
      return closeResponseHead(bytes, asked, head);
    } else {
      head.lineStart = at;
      return result === more ? incomplete(bytes, end, limits, head) : result;
    }
  }
}

/** `HTTP/1.x SP 3DIGIT [SP reason] CRLF`; a missing space before no reason is common and harmless. */
function readStatusLine(
  bytes: Uint8Array,
  start: number,
  stop: number,
  head: ResponseHead,
): number {
  head.faultAt = start;
  if (start + 14 > stop) return refusal["status-line"];
  for (let index = 0; index < version.length; index++) {
    if (bytes[start + index] !== version[index]) return refusal["status-line"];
  }
  const minor = (bytes[start + 7] ?? 0) - zero;
  const hundreds = (bytes[start + 9] ?? 0) - zero;
  const tens = (bytes[start + 10] ?? 0) - zero;
  const ones = (bytes[start + 11] ?? 0) - zero;
  if ((minor !== 0 && minor !== 1) || bytes[start + 8] !== space) return refusal["status-line"];
  if (hundreds < 1 || hundreds > 5 || tens < 0 || tens > 9 || ones < 0 || ones > 9) {
    return refusal["status-line"];
  }
  let at = start + 12;
  if (bytes[at] === space) {
    while (at < stop && (byteClass[bytes[at] ?? 0] ?? 0) & valueByte) at++;
  }
  head.faultAt = at;
  if (at + 1 >= stop || bytes[at] !== cr || bytes[at + 1] !== lf) return refusal["status-line"];
  head.minorVersion = minor;
  head.status = 100 * hundreds + 10 * tens + ones;
  head.fieldsStart = at + 2;
  return accepted;
}

/** The line in progress has no end yet. Beyond the limit it never gets one. */
function incomplete(
  bytes: Uint8Array,
  end: number,
  limits: ResponseLimits,
  head: ResponseHead,
): number {
  if (end >= head.start + limits.headBytesMax) return refusal["head-large"];
  head.scanned = scannedUntil(bytes, head.lineStart, end);
  return more;
}

/** Everything that a head may set. A field forgotten here would leak from one response into the next. */
function reset(head: ResponseHead, start: number): void {
  head.start = start;
  head.minorVersion = 1;
  head.status = 0;
  head.fieldCount = 0;
  head.contentLength = -1;
  head.chunked = false;
  head.framingStart = -1;
  head.framingEnd = -1;
  head.keepAlive = true;
  head.keepAliveSeconds = -1;
  head.hasDate = false;
  head.hasRetryAfter = false;
  head.hasRefused = false;
  head.term = -1;
  head.dropCount = 0;
  head.connection.reset();
  head.lineStart = start;
  head.scanned = start;
  head.inFields = false;
  head.upgradeLineStart = -1;
  head.upgradeLineCount = 0;
  head.upgradesToWebSocket = false;
}
