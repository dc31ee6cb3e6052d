/**
 * The Connection field: what it says about the connection, and which fields it makes hop-by-hop.
 *
 * Fields that frame or route the message may not be listed: the next hop would lose them and read the
 * body as another request. Empty list elements are ignored, as RFC 9110, section 5.6.1.2 asks; the
 * count of names is bounded, so that one head cannot cost more than names x lines (G6).
 *
 * Source: RFC 9110, section 7.6.1; RFC 9112, section 9.3.
 */
import { accepted, refusal } from "../refusals.ts";
import { ascii, byteClass, comma, htab, lowerByte, space, tokenByte } from "./byte-classes.ts";
import { type FieldLine, rangeIs } from "./field-line.ts";

const nominatedMax = 32;

const close = ascii("close");
const keepAlive = ascii("keep-alive");
const upgrade = ascii("upgrade");
const untouchable = ["content-length", "transfer-encoding", "host", "expect"].map(ascii);

const none = new Int32Array(0);

/** All Connection lines of one head together. */
export class ConnectionOptions {
  close = false;
  keepAlive = false;
  upgrade = false;
  /** `[start, end)` pairs of the other names; room is made when the first one comes. */
  nominated: Int32Array = none;
  nominatedCount = 0;

  reset(): void {
    this.close = false;
    this.keepAlive = false;
    this.upgrade = false;
    this.nominatedCount = 0;
  }
}

/** Takes one Connection line in: `accepted` or `connection-names`. */
export function readConnectionLine(
  bytes: Uint8Array,
  line: FieldLine,
  options: ConnectionOptions,
): number {
  let at = line.valueStart;
  const end = line.valueEnd;
  while (at < end) {
    const start = at;
    while (at < end && (byteClass[bytes[at] ?? 0] ?? 0) & tokenByte) at++;
    if (at > start && !takeOption(bytes, start, at, options)) return refusal["connection-names"];
    while (at < end && (bytes[at] === space || bytes[at] === htab)) at++;
    if (at < end && bytes[at] !== comma) return refusal["connection-names"];
    at++;
    while (at < end && (bytes[at] === space || bytes[at] === htab)) at++;
  }
  return accepted;
}

/** True when Connection lists the name `[start, end)`. */
export function isNominated(
  bytes: Uint8Array,
  start: number,
  end: number,
  options: ConnectionOptions,
): boolean {
  for (let index = 0; index < options.nominatedCount; index++) {
    const from = options.nominated[2 * index] ?? 0;
    const to = options.nominated[2 * index + 1] ?? 0;
    if (to - from === end - start && sameName(bytes, from, start, end - start)) return true;
  }
  return false;
}

/** The listed names in lower case, copied: they outlive the head. Undefined when there are none. */
export function nominatedNames(
  bytes: Uint8Array,
  options: ConnectionOptions,
): readonly Uint8Array[] | undefined {
  if (options.nominatedCount === 0) return undefined;
  return Array.from({ length: options.nominatedCount }, (_, index) =>
    bytes
      .slice(options.nominated[2 * index], options.nominated[2 * index + 1])
      .map((byte) => lowerByte[byte] ?? 0),
  );
}

function takeOption(
  bytes: Uint8Array,
  start: number,
  end: number,
  options: ConnectionOptions,
): boolean {
  if (rangeIs(bytes, start, end, keepAlive)) options.keepAlive = true;
  else if (rangeIs(bytes, start, end, close)) options.close = true;
  else if (rangeIs(bytes, start, end, upgrade)) options.upgrade = true;
  else return nominate(bytes, start, end, options);
  return true;
}

function nominate(
  bytes: Uint8Array,
  start: number,
  end: number,
  options: ConnectionOptions,
): boolean {
  for (const name of untouchable) if (rangeIs(bytes, start, end, name)) return false;
  if (isNominated(bytes, start, end, options)) return true;
  if (options.nominatedCount === nominatedMax) return false;
  if (options.nominated.length === 0) options.nominated = new Int32Array(2 * nominatedMax);
  options.nominated[2 * options.nominatedCount] = start;
  options.nominated[2 * options.nominatedCount + 1] = end;
  options.nominatedCount++;
  return true;
}

function sameName(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let index = 0; index < length; index++) {
    if (lowerByte[bytes[a + index] ?? 0] !== lowerByte[bytes[b + index] ?? 0]) return false;
  }
  return true;
}
