/**
 * What each field of a request means to a gateway. Names are told apart by length first, so most
 * fields cost one `switch`; what is not listed is forwarded untouched.
 *
 * Hop-by-hop fields and those that only the gateway may set are dropped here; fields whose fate depends
 * on others (Upgrade, Expect, names that Connection lists) wait for `request-rules.ts`.
 *
 * Source: RFC 9110, sections 7.2, 7.6.1, 7.6.3, 7.8, 8.6 and 10.1.1; RFC 7239.
 */
import { accepted, refusal } from "../refusals.ts";
import { ascii, byteClass, comma, htab, lowerByte, space, tokenByte } from "./byte-classes.ts";
import { readConnectionLine } from "./connection-options.ts";
import { dropRange } from "./dropped-lines.ts";
import { type FieldLine, nameIs, rangeIs } from "./field-line.ts";
import { forwardedPrefix, hasPrefix, isDisguised, prunellaPrefix } from "./field-names.ts";
import { judgeTransferEncoding, readContentLength } from "./framing-fields.ts";
import { hostNameEndOf } from "./host-syntax.ts";
import type { RequestHead } from "./request-head.ts";
import type { RequestLimits } from "./request-limits.ts";

const names = {
  connection: ascii("connection"),
  contentLength: ascii("content-length"),
  expect: ascii("expect"),
  forwarded: ascii("forwarded"),
  forwardedFor: ascii("x-forwarded-for"),
  forwardedHost: ascii("x-forwarded-host"),
  forwardedProto: ascii("x-forwarded-proto"),
  host: ascii("host"),
  keepAlive: ascii("keep-alive"),
  proxyAuthenticate: ascii("proxy-authenticate"),
  proxyAuthorization: ascii("proxy-authorization"),
  proxyConnection: ascii("proxy-connection"),
  requestId: ascii("x-request-id"),
  te: ascii("te"),
  transferEncoding: ascii("transfer-encoding"),
  upgrade: ascii("upgrade"),
  via: ascii("via"),
};
const hundredContinue = ascii("100-continue");
const webSocket = ascii("websocket");

const letterP = 0x70;
const letterX = 0x78;
const requestIdBytesMax = 128;

/** Takes one field in: `accepted` or a refusal. */
export function readRequestField(
  bytes: Uint8Array,
  line: FieldLine,
  limits: RequestLimits,
  head: RequestHead,
): number {
  const start = line.start;
  if (line.hasUnderscore && isDisguised(bytes, line)) return refusal["name-underscore"];
  switch (line.nameEnd - start) {
    case 2:
      if (nameIs(bytes, start, names.te)) return drop(head, line);
      break;
    case 3:
      if (nameIs(bytes, start, names.via)) return readVia(bytes, line, limits, head);
      break;
    case 4:
      if (nameIs(bytes, start, names.host)) return readHost(bytes, line, head);
      break;
    case 6:
      if (nameIs(bytes, start, names.expect)) return readExpect(bytes, line, head);
      break;
    case 7:
      if (nameIs(bytes, start, names.upgrade)) return readUpgrade(bytes, line, head);
      break;
    case 9:
      if (!limits.trustPeer && nameIs(bytes, start, names.forwarded)) return drop(head, line);
      break;
    case 10:
      if (nameIs(bytes, start, names.connection)) return readConnection(bytes, line, head);
      if (nameIs(bytes, start, names.keepAlive)) return drop(head, line);
      break;
    case 12:
      if (nameIs(bytes, start, names.requestId)) return readRequestId(bytes, line, limits, head);
      break;
    case 14:
      if (nameIs(bytes, start, names.contentLength)) return readLength(bytes, line, head);
      break;
    case 16:
      if (nameIs(bytes, start, names.proxyConnection)) return drop(head, line);
      break;
    case 17:
      if (nameIs(bytes, start, names.transferEncoding)) return readCoding(bytes, line, head);
      break;
    case 18:
      if (nameIs(bytes, start, names.proxyAuthenticate)) return drop(head, line);
      break;
    case 19:
      if (nameIs(bytes, start, names.proxyAuthorization)) return drop(head, line);
      break;
  }
  const initial = lowerByte[bytes[start] ?? 0];
  if (initial === letterP && hasPrefix(bytes, line, prunellaPrefix)) return drop(head, line);
  if (initial === letterX && hasPrefix(bytes, line, forwardedPrefix)) {
    return readForwarded(bytes, line, limits, head);
  }
  return accepted;
}

function drop(head: RequestHead, line: FieldLine): number {
  dropRange(head, line.start, line.end);
  return accepted;
}

function readHost(bytes: Uint8Array, line: FieldLine, head: RequestHead): number {
  if (head.hostLineStart >= 0) return refusal["host-many"];
  head.hostLineStart = line.start;
  head.hostLineEnd = line.end;
  head.hostStart = line.valueStart;
  head.hostEnd = line.valueEnd;
  head.hostNameEnd = hostNameEndOf(bytes, line.valueStart, line.valueEnd);
  return head.hostNameEnd < 0 ? refusal["host-syntax"] : accepted;
}

function readLength(bytes: Uint8Array, line: FieldLine, head: RequestHead): number {
  if (head.contentLength >= 0) return refusal["length-many"];
  head.contentLength = readContentLength(bytes, line);
  return head.contentLength < 0 ? refusal["length-syntax"] : accepted;
}

function readCoding(bytes: Uint8Array, line: FieldLine, head: RequestHead): number {
  if (head.minorVersion === 0) return refusal["te-version"];
  if (head.chunked) return refusal["te-syntax"];
  head.chunked = true;
  return judgeTransferEncoding(bytes, line);
}

/** A second Expect is refused as well: there is nothing else to expect. */
function readExpect(bytes: Uint8Array, line: FieldLine, head: RequestHead): number {
  if (head.expectContinue || !rangeIs(bytes, line.valueStart, line.valueEnd, hundredContinue)) {
    return refusal.expect;
  }
  head.expectContinue = true;
  head.expectLineStart = line.start;
  head.expectLineEnd = line.end;
  return accepted;
}

/** One line that says `websocket` may open a tunnel; every other wish is dropped at once. */
function readUpgrade(bytes: Uint8Array, line: FieldLine, head: RequestHead): number {
  const isFirst = head.upgradeLineCount === 0;
  head.upgradeLineCount++;
  if (!isFirst || !rangeIs(bytes, line.valueStart, line.valueEnd, webSocket))
    return drop(head, line);
  head.upgradeLineStart = line.start;
  head.upgradeLineEnd = line.end;
  return accepted;
}

function readConnection(bytes: Uint8Array, line: FieldLine, head: RequestHead): number {
  dropRange(head, line.start, line.end);
  return readConnectionLine(bytes, line, head.connection);
}

/** Counts our own name among the words of the line: `1.1 name, 1.0 other (comment)`. */
function readVia(
  bytes: Uint8Array,
  line: FieldLine,
  limits: RequestLimits,
  head: RequestHead,
): number {
  if (limits.viaName.length === 0) return accepted;
  let at = line.valueStart;
  while (at < line.valueEnd) {
    const start = at;
    while (at < line.valueEnd && !isWordEnd(bytes[at] ?? 0)) at++;
    if (rangeEquals(bytes, start, at, limits.viaName)) head.ownViaCount++;
    at++;
  }
  return accepted;
}

function readRequestId(
  bytes: Uint8Array,
  line: FieldLine,
  limits: RequestLimits,
  head: RequestHead,
): number {
  head.requestIdLineCount++;
  const length = line.valueEnd - line.valueStart;
  const keep =
    limits.trustPeer &&
    head.requestIdLineCount === 1 &&
    length >= 1 &&
    length <= requestIdBytesMax &&
    isToken(bytes, line.valueStart, line.valueEnd);
  if (!keep) return drop(head, line);
  head.requestIdStart = line.valueStart;
  head.requestIdEnd = line.valueEnd;
  return accepted;
}

/** The gateway replaces or extends For, Proto and Host; others survive from trusted peers only. */
function readForwarded(
  bytes: Uint8Array,
  line: FieldLine,
  limits: RequestLimits,
  head: RequestHead,
): number {
  const length = line.nameEnd - line.start;
  if (length === names.forwardedFor.length && nameIs(bytes, line.start, names.forwardedFor)) {
    if (head.forwardedForCount++ === 0) {
      head.forwardedForStart = line.valueStart;
      head.forwardedForEnd = line.valueEnd;
    }
    return drop(head, line);
  }
  if (length === names.forwardedProto.length && nameIs(bytes, line.start, names.forwardedProto)) {
    if (head.forwardedProtoStart < 0) {
      head.forwardedProtoStart = line.valueStart;
      head.forwardedProtoEnd = line.valueEnd;
    }
    return drop(head, line);
  }
  if (length === names.forwardedHost.length && nameIs(bytes, line.start, names.forwardedHost)) {
    if (head.forwardedHostStart < 0) {
      head.forwardedHostStart = line.valueStart;
      head.forwardedHostEnd = line.valueEnd;
    }
    return drop(head, line);
  }
  return limits.trustPeer ? accepted : drop(head, line);
}

function isToken(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (((byteClass[bytes[at] ?? 0] ?? 0) & tokenByte) === 0) return false;
  }
  return true;
}

function isWordEnd(byte: number): boolean {
  return byte === space || byte === htab || byte === comma;
}

function rangeEquals(bytes: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start !== text.length) return false;
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text[index]) return false;
  }
  return true;
}
