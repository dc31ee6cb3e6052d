/**
 * The fields behind the last chunk. They are forwarded where they are and never merged into the head,
 * so a name that frames, routes, authorises or describes the message has no business here.
 *
 * Lines that lie in one piece are read in place; a line that is cut is collected first. A line is
 * judged when it ends, as in heads, and no byte of it is forwarded before: a strict reader behind us
 * would judge the beginning of a bad line itself, and the outcome would depend on the cuts (G5).
 *
 * Source: RFC 9110, sections 6.5.1 and 6.5.2; RFC 9112, section 7.1.2.
 */
import { accepted, more, refusal } from "../refusals.ts";
import { ascii, cr, lf } from "./byte-classes.ts";
import { endOfFields, FieldLine, rangeIs, scanFieldLine } from "./field-line.ts";
import { forwardedPrefix, hasPrefix, isDisguised, prunellaPrefix } from "./field-names.ts";

export type TrailerLimits = {
  /** The whole section with its empty line. */
  readonly trailerBytesMax: number;
  readonly trailersMax: number;
};

const forbidden = [
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "forwarded",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
].map(ascii);

const none = new Uint8Array(0);
const line = new FieldLine();

/** One trailer section at a time; `reset` per message. */
export class Trailers {
  /** How far the last scan got. After a refusal: where the faulty line starts in its piece. */
  at = 0;
  /** Bytes of earlier pieces that were held back and are good now: they go before this piece. */
  ahead: Uint8Array = none;
  /** Where in its piece the line starts that the piece cuts, and that is held back; else `at`. */
  cutAt = 0;
  #sectionBytes = 0;
  #count = 0;
  #nominated: readonly Uint8Array[] | undefined;
  /** The beginning of a line that was cut. Room is made once, when the first line is cut. */
  #held: Uint8Array = none;
  #heldBytes = 0;

  reset(nominated: readonly Uint8Array[] | undefined): void {
    this.#sectionBytes = 0;
    this.#count = 0;
    this.#heldBytes = 0;
    this.ahead = none;
    this.#nominated = nominated;
  }

  /** @returns `accepted` behind the empty line, `more`, or a refusal. */
  scan(bytes: Uint8Array, start: number, end: number, limits: TrailerLimits): number {
    const stop = Math.min(end, start + limits.trailerBytesMax - this.#sectionBytes);
    let at = start;
    this.ahead = none;
    while (at < stop) {
      const result =
        this.#heldBytes > 0
          ? this.#collect(bytes, at, stop, limits)
          : this.#read(bytes, at, stop, limits);
      if (result === more) break;
      if (result !== accepted && result !== endOfFields) {
        this.at = at;
        return result;
      }
      at = this.at;
      this.cutAt = at;
      if (result === endOfFields) return accepted;
    }
    this.#sectionBytes += stop - start;
    this.at = stop;
    this.cutAt = at;
    return this.#sectionBytes >= limits.trailerBytesMax ? refusal["trailer-large"] : more;
  }

  /** Reads a line in place, or keeps what there is of it. */
  #read(bytes: Uint8Array, at: number, stop: number, limits: TrailerLimits): number {
    const result = scanFieldLine(bytes, at, stop, line);
    if (result === more) {
      if (this.#held.length < limits.trailerBytesMax) {
        this.#held = new Uint8Array(limits.trailerBytesMax);
      }
      for (let from = at; from < stop; from++) this.#held[this.#heldBytes++] = bytes[from] ?? 0;
      return more;
    }
    this.at = line.end;
    return result === accepted ? this.#judge(bytes, limits) : result;
  }

  /** Completes the line that was cut. */
  #collect(bytes: Uint8Array, start: number, stop: number, limits: TrailerLimits): number {
    let at = start;
    for (;;) {
      if (at >= stop) return more;
      const byte = bytes[at++] ?? 0;
      const previous = this.#held[this.#heldBytes - 1];
      this.#held[this.#heldBytes++] = byte;
      if (byte === lf || byte === 0 || previous === cr) break;
    }
    const result = scanFieldLine(this.#held, 0, this.#heldBytes, line);
    const verdict = result === accepted ? this.#judge(this.#held, limits) : result;
    // Copied, because a later line of this piece may be cut too.
    if (verdict === accepted || verdict === endOfFields) {
      this.ahead = this.#held.slice(0, this.#heldBytes - (at - start));
    }
    this.#heldBytes = 0;
    this.at = at;
    return verdict;
  }

  #judge(bytes: Uint8Array, limits: TrailerLimits): number {
    if (this.#count === limits.trailersMax) return refusal["trailer-count"];
    this.#count++;
    if (line.hasUnderscore && isDisguised(bytes, line)) return refusal["name-underscore"];
    if (hasPrefix(bytes, line, forwardedPrefix) || hasPrefix(bytes, line, prunellaPrefix)) {
      return refusal["trailer-name"];
    }
    for (const name of forbidden) {
      if (rangeIs(bytes, line.start, line.nameEnd, name)) return refusal["trailer-name"];
    }
    for (const name of this.#nominated ?? []) {
      if (rangeIs(bytes, line.start, line.nameEnd, name)) return refusal["trailer-name"];
    }
    return accepted;
  }
}
