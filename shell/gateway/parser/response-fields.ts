/**
 * What each field of a response means to a gateway; the counterpart of `request-fields.ts`.
 *
 * Source: RFC 9110, sections 6.6.1, 7.6.1, 7.8, 8.6 and 10.2.3; RFC 2068, section 19.7.1.1 (Keep-Alive).
 */
import { accepted, refusal } from "../refusals.ts";
import { ascii, comma, htab, lowerByte, space } from "./byte-classes.ts";
import { readConnectionLine } from "./connection-options.ts";
import { dropRange } from "./dropped-lines.ts";
import { type FieldLine, nameIs, rangeIs } from "./field-line.ts";
import { hasPrefix, isDisguised, prunellaPrefix } from "./field-names.ts";
import { judgeTransferEncoding, readContentLength, readDecimal } from "./framing-fields.ts";
import type { ResponseHead } from "./response-head.ts";

const names = {
  connection: ascii("connection"),
  contentLength: ascii("content-length"),
  date: ascii("date"),
  keepAlive: ascii("keep-alive"),
  proxyAuthenticate: ascii("proxy-authenticate"),
  proxyAuthorization: ascii("proxy-authorization"),
  proxyConnection: ascii("proxy-connection"),
  refused: ascii("prunella-refused"),
  retryAfter: ascii("retry-after"),
  te: ascii("te"),
  term: ascii("prunella-term"),
  transferEncoding: ascii("transfer-encoding"),
  upgrade: ascii("upgrade"),
};
const timeout = ascii("timeout=");
const webSocket = ascii("websocket");
const letterP = 0x70;

/** Takes one field in: `accepted` or a refusal. */
export function readResponseField(bytes: Uint8Array, line: FieldLine, head: ResponseHead): number {
  const start = line.start;
  if (line.hasUnderscore && isDisguised(bytes, line)) return refusal["name-underscore"];
  switch (line.nameEnd - start) {
    case 2:
      if (nameIs(bytes, start, names.te)) return drop(head, line);
      break;
    case 4:
      if (nameIs(bytes, start, names.date)) head.hasDate = true;
      break;
    case 7:
      if (nameIs(bytes, start, names.upgrade)) return readUpgrade(bytes, line, head);
      break;
    case 10:
      if (nameIs(bytes, start, names.connection)) return readConnection(bytes, line, head);
      if (nameIs(bytes, start, names.keepAlive)) return readKeepAlive(bytes, line, head);
      break;
    case 11:
      if (nameIs(bytes, start, names.retryAfter)) head.hasRetryAfter = true;
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
  if (initial === letterP && hasPrefix(bytes, line, prunellaPrefix)) {
    return readOwn(bytes, line, head);
  }
  return accepted;
}

function drop(head: ResponseHead, line: FieldLine): number {
  dropRange(head, line.start, line.end);
  return accepted;
}

function readLength(bytes: Uint8Array, line: FieldLine, head: ResponseHead): number {
  if (head.contentLength >= 0) return refusal["length-many"];
  head.framingStart = line.start;
  head.framingEnd = line.end;
  head.contentLength = readContentLength(bytes, line);
  return head.contentLength < 0 ? refusal["length-syntax"] : accepted;
}

function readCoding(bytes: Uint8Array, line: FieldLine, head: ResponseHead): number {
  if (head.chunked) return refusal["te-syntax"];
  head.chunked = true;
  head.framingStart = line.start;
  head.framingEnd = line.end;
  return judgeTransferEncoding(bytes, line);
}

function readConnection(bytes: Uint8Array, line: FieldLine, head: ResponseHead): number {
  dropRange(head, line.start, line.end);
  return readConnectionLine(bytes, line, head.connection);
}

/** Whether the line stays is known with the status, at the end of the head. */
function readUpgrade(bytes: Uint8Array, line: FieldLine, head: ResponseHead): number {
  if (head.upgradeLineCount > 0) dropRange(head, line.start, line.end);
  else {
    head.upgradeLineStart = line.start;
    head.upgradeLineEnd = line.end;
    head.upgradesToWebSocket = rangeIs(bytes, line.valueStart, line.valueEnd, webSocket);
  }
  head.upgradeLineCount++;
  return accepted;
}

/** `timeout=5, max=100`. Whatever else it says is of no use to us and no fault either. */
function readKeepAlive(bytes: Uint8Array, line: FieldLine, head: ResponseHead): number {
  let at = line.valueStart;
  while (at < line.valueEnd) {
    while (at < line.valueEnd && isBetween(bytes[at])) at++;
    const start = at;
    while (at < line.valueEnd && !isBetween(bytes[at])) at++;
    const digits = start + timeout.length;
    if (digits < at && nameIs(bytes, start, timeout)) {
      head.keepAliveSeconds = readDecimal(bytes, digits, at);
    }
  }
  return drop(head, line);
}

/** What our own SDK tells the gateway; clients never see it. */
function readOwn(bytes: Uint8Array, line: FieldLine, head: ResponseHead): number {
  if (rangeIs(bytes, line.start, line.nameEnd, names.refused)) head.hasRefused = true;
  if (rangeIs(bytes, line.start, line.nameEnd, names.term)) {
    head.term = readDecimal(bytes, line.valueStart, line.valueEnd);
  }
  return drop(head, line);
}

function isBetween(byte: number | undefined): boolean {
  return byte === comma || byte === space || byte === htab;
}
