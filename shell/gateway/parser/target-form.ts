/**
 * Targets that do not start with `/`: `*` and the absolute form. Rare, so not in the hot path.
 *
 * An absolute-form target is forwarded in origin-form and its authority replaces Host.
 * Source: RFC 9112, sections 3.2.2 to 3.2.4; RFC 9110, sections 4.2.1 and 4.2.4.
 */
import { hashByte, hashEnd, hashStart } from "@prunella/core/ring";
import { accepted, refusal } from "../refusals.ts";
import { ascii, colon, question, slash } from "./byte-classes.ts";
import { rangeIs } from "./field-line.ts";
import { hostNameEndOf } from "./host-syntax.ts";
import { methodCode } from "./methods.ts";
import type { RequestHead } from "./request-head.ts";
import { hashRange } from "./request-key.ts";
import type { RequestLimits } from "./request-limits.ts";

const star = 0x2a;
const http = ascii("http");
const https = ascii("https");

/** Judges the target and sets the parts of `head` that differ from origin-form. */
export function readTargetForm(
  bytes: Uint8Array,
  limits: RequestLimits,
  head: RequestHead,
): number {
  const start = head.targetStart;
  const end = head.targetEnd;
  if (bytes[start] === star && end === start + 1) {
    head.asterisk = head.method === methodCode.options;
    return head.asterisk ? accepted : refusal["target-form"];
  }
  const schemeEnd = schemeEndOf(bytes, start, end);
  if (schemeEnd < 0) return refusal["target-form"];
  if (!rangeIs(bytes, start, schemeEnd, http) && !rangeIs(bytes, start, schemeEnd, https)) {
    return refusal["target-authority"];
  }
  let at = schemeEnd + 3;
  head.authorityStart = at;
  while (at < end && bytes[at] !== slash && bytes[at] !== question) at++;
  head.authorityEnd = at;
  head.authorityNameEnd = hostNameEndOf(bytes, head.authorityStart, at);
  if (head.authorityNameEnd < 0) return refusal["target-authority"];
  takeOrigin(bytes, at, limits, head);
  return accepted;
}

/** Keeps what stands behind the authority, from `at`. */
function takeOrigin(bytes: Uint8Array, at: number, limits: RequestLimits, head: RequestHead): void {
  const seed = limits.hashSeed;
  head.rewritesLine = true;
  head.targetStart = at;
  head.needsSlash = bytes[at] !== slash;
  head.pathHash = head.needsSlash
    ? hashEnd(hashByte(hashStart(seed), slash))
    : hashRange(bytes, at, head.pathEnd, seed);
  // Without path and query, OPTIONS means the server as a whole.
  head.asterisk = head.method === methodCode.options && at === head.targetEnd;
}

/** End of `scheme` in `scheme://`, or -1. RFC 3986, section 3.1. */
function schemeEndOf(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isSchemeByte(bytes[at] ?? 0, at === start)) at++;
  if (at === start || at + 3 > end) return -1;
  return bytes[at] === colon && bytes[at + 1] === slash && bytes[at + 2] === slash ? at : -1;
}

function isSchemeByte(byte: number, first: boolean): boolean {
  const lower = byte | 0x20;
  if (lower >= 0x61 && lower <= 0x7a) return true;
  return (
    !first && ((byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e)
  );
}
