/**
 * Rules that need the whole head: what fields mean together.
 *
 * Source: RFC 9112, sections 3.2, 6.1, 6.3 and 9.3; RFC 9110, sections 7.6.1, 7.8 and 10.1.1; RFC 6455,
 * section 4.1.
 */
import { accepted, refusal } from "../refusals.ts";
import { isNominated } from "./connection-options.ts";
import { dropRange } from "./dropped-lines.ts";
import { FieldLine, scanFieldLine } from "./field-line.ts";
import { methodCode } from "./methods.ts";
import { noUpgrade, type RequestHead, webSocketUpgrade } from "./request-head.ts";

/** A request that already passed us this often comes back in a circle. */
const ownViaMax = 2;

/** Decides what only the end of the head allows to decide: `accepted` or a refusal. */
export function closeRequestHead(bytes: Uint8Array, head: RequestHead): number {
  const { connection } = head;
  if (head.hostLineStart < 0 && head.minorVersion === 1) return refusal["host-missing"];
  if (head.chunked && head.contentLength >= 0) return refusal["length-both"];
  if (head.ownViaCount > ownViaMax) return refusal.loop;
  head.keepAlive = !connection.close && (head.minorVersion === 1 || connection.keepAlive);
  if (head.minorVersion === 0) head.rewritesLine = true;

  const hasBody = head.chunked || head.contentLength > 0;
  if (head.expectContinue && (!hasBody || head.minorVersion === 0)) {
    head.expectContinue = false;
    dropRange(head, head.expectLineStart, head.expectLineEnd);
  }
  if (head.upgradeLineStart >= 0) closeUpgrade(head, hasBody);
  if (connection.nominatedCount > 0) dropNominated(bytes, head);
  if (head.authorityStart >= 0) takeAuthority(head);
  head.needsHost = head.authorityStart >= 0 || head.hostLineStart < 0;
  return accepted;
}

function closeUpgrade(head: RequestHead, hasBody: boolean): void {
  const opens =
    head.upgradeLineCount === 1 &&
    head.connection.upgrade &&
    head.method === methodCode.get &&
    head.minorVersion === 1 &&
    !hasBody;
  head.upgrade = opens ? webSocketUpgrade : noUpgrade;
  if (!opens) dropRange(head, head.upgradeLineStart, head.upgradeLineEnd);
}

/** The authority of the target replaces Host, whatever that said: RFC 9112, section 3.2.2. */
function takeAuthority(head: RequestHead): void {
  if (head.hostLineStart >= 0) dropRange(head, head.hostLineStart, head.hostLineEnd);
  head.hostStart = head.authorityStart;
  head.hostEnd = head.authorityEnd;
  head.hostNameEnd = head.authorityNameEnd;
}

const line = new FieldLine();

/** Drops each line whose name Connection lists. One walk over the head, whatever the list's length. */
function dropNominated(bytes: Uint8Array, head: RequestHead): void {
  let at = head.fieldsStart;
  while (scanFieldLine(bytes, at, head.end, line) === accepted) {
    if (isNominated(bytes, line.start, line.nameEnd, head.connection)) {
      dropRange(head, line.start, line.end);
      forgetValue(head, line.valueStart);
    }
    at = line.end;
  }
}

/** A dropped line must not live on as a value that the gateway believes. */
function forgetValue(head: RequestHead, valueStart: number): void {
  if (head.requestIdStart === valueStart) head.requestIdStart = -1;
  if (head.forwardedProtoStart === valueStart) head.forwardedProtoStart = -1;
  if (head.forwardedHostStart === valueStart) head.forwardedHostStart = -1;
  if (head.forwardedForStart === valueStart) {
    head.forwardedForStart = -1;
    head.forwardedForCount = 0;
  }
}
