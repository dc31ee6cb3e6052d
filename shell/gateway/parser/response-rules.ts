/**
 * Rules that need the whole head of a response: above all, how its body ends.
 *
 * Source: RFC 9112, sections 6.1, 6.3 and 9.3; RFC 9110, sections 7.6.1, 7.8, 8.6 and 15.2.
 */
import { accepted, refusal } from "../refusals.ts";
import { ascii } from "./byte-classes.ts";
import { isNominated } from "./connection-options.ts";
import { dropRange } from "./dropped-lines.ts";
import { FieldLine, rangeIs, scanFieldLine } from "./field-line.ts";
import { askedHead, askedUpgrade, bodyKind, type ResponseHead } from "./response-head.ts";

/** Decides what only the end of the head allows to decide: `accepted` or a refusal. */
export function closeResponseHead(bytes: Uint8Array, asked: number, head: ResponseHead): number {
  const { connection, status } = head;
  const isInterim = status < 200;
  if (head.chunked) {
    if (head.contentLength >= 0) return refusal["length-both"];
    if (head.minorVersion === 0 || isInterim || status === 204 || status === 304) {
      return refusal["status-framing"];
    }
  }
  const isTunnel = status === 101;
  if (isTunnel && !isAskedSwitch(asked, head)) return refusal["switch-unasked"];
  if (!isTunnel && head.upgradeLineStart >= 0) {
    dropRange(head, head.upgradeLineStart, head.upgradeLineEnd);
  }
  if (head.contentLength >= 0 && (isInterim || status === 204)) {
    dropRange(head, head.framingStart, head.framingEnd);
    head.contentLength = -1;
    head.framingStart = -1;
    head.framingEnd = -1;
  }
  if (connection.nominatedCount > 0) dropNominated(bytes, head);
  head.body = isTunnel ? bodyKind.tunnel : bodyOf(asked, head);
  head.keepAlive =
    head.body !== bodyKind.untilClose &&
    !connection.close &&
    (head.minorVersion === 1 || connection.keepAlive);
  return accepted;
}

function bodyOf(asked: number, head: ResponseHead): number {
  const { status } = head;
  if (status < 200 || status === 204 || status === 304 || (asked & askedHead) !== 0) {
    return bodyKind.none;
  }
  if (head.chunked) return bodyKind.chunked;
  return head.contentLength >= 0 ? bodyKind.length : bodyKind.untilClose;
}

/** Only a switch to what was asked for, said in both fields, opens a tunnel. */
function isAskedSwitch(asked: number, head: ResponseHead): boolean {
  return (
    (asked & askedUpgrade) !== 0 &&
    head.minorVersion === 1 &&
    head.upgradeLineCount === 1 &&
    head.upgradesToWebSocket &&
    head.connection.upgrade
  );
}

const date = ascii("date");
const line = new FieldLine();

/** Drops each line whose name Connection lists. `Date` may be among them: then we add our own. */
function dropNominated(bytes: Uint8Array, head: ResponseHead): void {
  let at = head.fieldsStart;
  while (scanFieldLine(bytes, at, head.end, line) === accepted) {
    if (isNominated(bytes, line.start, line.nameEnd, head.connection)) {
      dropRange(head, line.start, line.end);
      if (rangeIs(bytes, line.start, line.nameEnd, date)) head.hasDate = false;
    }
    at = line.end;
  }
}
