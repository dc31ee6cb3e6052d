/**
 * Follows a chunked body across pieces: validates its framing byte by byte and says what to leave out.
 *
 *   G5  The state after a byte depends on the bytes before it alone, not on the cuts between them.
 *   G6  Constant work per byte; memory is some numbers and, if a trailer line is cut, one small buffer.
 *
 * ```text
 *   chunk      = 1*16HEX *( ";" token [ "=" ( token / quoted-string ) ] ) CRLF data CRLF
 *   last-chunk = 1*16"0" *( extension ) CRLF *( field-line CRLF ) CRLF
 * ```
 *
 * Stricter than the grammar of RFC 9112, section 7.1: no white space around extensions, sizes of at
 * most 16 digits, extensions and tiny chunks bounded (section 7.1.1 asks for a limit).
 */
import { accepted, more, refusal } from "../refusals.ts";
import {
  backslash,
  byteClass,
  cr,
  equals,
  hexValue,
  lf,
  quote,
  quotedByte,
  semicolon,
  tokenByte,
  valueByte,
} from "./byte-classes.ts";
import { dropRange } from "./dropped-lines.ts";
import { type TrailerLimits, Trailers } from "./trailers.ts";

export type ChunkLimits = TrailerLimits & {
  /** Sum of the chunk data in bytes; beyond it `body-large`. */
  readonly bodyBytesMax: number;
  /** Chunks under 16 bytes in one message. */
  readonly tinyChunksMax: number;
  readonly extensionLineBytesMax: number;
  readonly extensionBytesMax: number;
};

export const requestChunkLimits: ChunkLimits = {
  bodyBytesMax: 1_073_741_824,
  tinyChunksMax: 10_000,
  extensionLineBytesMax: 256,
  extensionBytesMax: 4_096,
  trailerBytesMax: 8_192,
  trailersMax: 32,
};

/** Answers may stream for days in small pieces: neither their size nor their chunks are counted out. */
export const responseChunkLimits: ChunkLimits = {
  ...requestChunkLimits,
  bodyBytesMax: Number.MAX_SAFE_INTEGER,
  tinyChunksMax: Number.MAX_SAFE_INTEGER,
};

/** What `drops` leaves out: chunk extensions, or everything that is not data (for HTTP/1.0 clients). */
export const keepFraming = 0;
export const keepDataOnly = 1;

const none = new Uint8Array(0);
const tinyBytes = 16;
const sizeDigitsMax = 16;

const atSize = 0;
const atExtensionName = 1; // From here to `atQuotedEnd` the bytes belong to an extension.
const atExtensionValue = 2;
const atExtensionToken = 3;
const atQuoted = 4;
const atEscaped = 5;
const atQuotedEnd = 6;
const atSizeLf = 7;
const atData = 8;
const atDataCr = 9;
const atDataLf = 10;
const atTrailers = 11;
const atEnd = 12;

/**
 * One object per direction of a connection; `reset` per message.
 *
 * After each `scan`, forward `ahead`, then `[start, at)` without the ranges in `drops`. `at` is where
 * the message ended (`accepted`; bytes behind it belong to the next one), the end of the piece (`more`), or the
 * first byte that must not be forwarded (refusal; the message is lost, do not scan on).
 */
export class ChunkScanner {
  /** How far the last scan got; absolute in its piece. */
  at = 0;
  /** Sum of the chunk sizes announced so far. */
  bodyBytes = 0;
  /** `[start, end)` pairs of the last piece that are not to be forwarded, ascending. */
  drops: Int32Array = new Int32Array(16);
  dropCount = 0;
  /** Bytes of earlier pieces that were held back until their line was judged; nearly always none. */
  ahead: Uint8Array = none;

  #limits = requestChunkLimits;
  #keep = keepFraming;
  #state = atSize;
  /** Digits of the size, or bytes of the name or value in progress: at least one is needed. */
  #length = 0;
  /** Size in progress, then what is left of the chunk. */
  #remaining = 0;
  #tinyChunks = 0;
  #lineExtensionBytes = 0;
  #extensionBytes = 0;
  readonly #trailers = new Trailers();

  /**
   * Starts a message.
   *
   * @param nominated - The names that Connection listed (`nominatedNames`): refused as trailers.
   */
  reset(limits: ChunkLimits, keep: number, nominated?: readonly Uint8Array[]): void {
    this.#limits = limits;
    this.#keep = keep;
    this.#state = atSize;
    this.#length = 0;
    this.#remaining = 0;
    this.#tinyChunks = 0;
    this.#lineExtensionBytes = 0;
    this.#extensionBytes = 0;
    this.#trailers.reset(nominated);
    this.bodyBytes = 0;
    this.dropCount = 0;
    this.at = 0;
  }

  /** @returns `accepted` when the last byte of the message was seen, `more`, or a refusal. */
  scan(bytes: Uint8Array, start: number, end: number): number {
    this.dropCount = 0;
    this.ahead = none;
    let at = start;
    while (at < end && this.#state < atTrailers) {
      if (this.#state === atData) {
        const count = Math.min(this.#remaining, end - at);
        at += count;
        this.#remaining -= count;
        if (this.#remaining === 0) this.#state = atDataCr;
        continue;
      }
      const result = this.#step(bytes[at] ?? 0);
      if (result !== accepted) {
        this.at = at;
        return result;
      }
      const inExtension = this.#state >= atExtensionName && this.#state <= atQuotedEnd;
      if (inExtension || this.#keep === keepDataOnly) dropRange(this, at, at + 1);
      at++;
    }
    if (this.#state === atTrailers && at < end) return this.#scanTrailers(bytes, at, end);
    this.at = at;
    return this.#state === atEnd ? accepted : more;
  }

  #scanTrailers(bytes: Uint8Array, start: number, end: number): number {
    const result = this.#trailers.scan(bytes, start, end, this.#limits);
    this.at = this.#trailers.at;
    if (this.#keep === keepDataOnly) {
      if (this.at > start) dropRange(this, start, this.at);
    } else {
      this.ahead = this.#trailers.ahead;
      const { cutAt } = this.#trailers;
      if (result === more && cutAt < this.at) dropRange(this, cutAt, this.at);
    }
    if (result === accepted) this.#state = atEnd;
    return result;
  }

  /** One byte of framing: `accepted` to go on, or a refusal. */
  #step(byte: number): number {
    switch (this.#state) {
      case atSize:
        return this.#stepSize(byte);
      case atSizeLf:
        if (byte !== lf) return refusal["bare-cr"];
        return this.#beginChunk();
      case atDataCr:
        this.#state = atDataLf;
        return byte === cr ? accepted : refusal["chunk-end"];
      case atDataLf:
        this.#state = atSize;
        return byte === lf ? accepted : refusal["chunk-end"];
      default:
        this.#extensionBytes++;
        this.#lineExtensionBytes++;
        return this.#stepExtension(byte);
    }
  }

  #stepSize(byte: number): number {
    const digit = hexValue[byte] ?? 255;
    if (digit < 16) {
      this.#length++;
      if (this.#length > sizeDigitsMax) return refusal["chunk-size"];
      this.#remaining = 16 * this.#remaining + digit;
      const isLarge = this.bodyBytes + this.#remaining > this.#limits.bodyBytesMax;
      return isLarge ? refusal["body-large"] : accepted;
    }
    if (byte === semicolon && this.#length > 0) {
      this.#extensionBytes++;
      this.#lineExtensionBytes++;
      return this.#enter(atExtensionName);
    }
    return this.#endSizeLine(byte, this.#length > 0, refusal["chunk-size"]);
  }

  #stepExtension(byte: number): number {
    const bits = byteClass[byte] ?? 0;
    const isSeparator = byte === semicolon;
    switch (this.#state) {
      case atExtensionName:
        if (bits & tokenByte) return this.#grow();
        if (byte === equals && this.#length > 0) return this.#enter(atExtensionValue);
        if (isSeparator && this.#length > 0) return this.#enter(atExtensionName);
        return this.#endSizeLine(byte, this.#length > 0, refusal["chunk-extension"]);
      case atExtensionValue:
        if (byte === quote) return this.#enter(atQuoted);
        if ((bits & tokenByte) === 0)
          return this.#endSizeLine(byte, false, refusal["chunk-extension"]);
        return this.#enter(atExtensionToken);
      case atExtensionToken:
        if (bits & tokenByte) return this.#grow();
        if (isSeparator) return this.#enter(atExtensionName);
        return this.#endSizeLine(byte, true, refusal["chunk-extension"]);
      case atQuoted:
        if (byte === quote) return this.#enter(atQuotedEnd);
        if (byte === backslash) return this.#enter(atEscaped);
        return bits & quotedByte ? this.#grow() : lineFault(byte, refusal["chunk-extension"]);
      case atEscaped:
        if (bits & valueByte) return this.#enter(atQuoted);
        return lineFault(byte, refusal["chunk-extension"]);
      default:
        if (isSeparator) return this.#enter(atExtensionName);
        return this.#endSizeLine(byte, true, refusal["chunk-extension"]);
    }
  }

  #grow(): number {
    this.#length++;
    return this.#checkExtensions();
  }

  #enter(state: number): number {
    this.#state = state;
    this.#length = 0;
    return this.#checkExtensions();
  }

  #checkExtensions(): number {
    const { extensionLineBytesMax, extensionBytesMax } = this.#limits;
    const isLarge =
      this.#lineExtensionBytes > extensionLineBytesMax || this.#extensionBytes > extensionBytesMax;
    return isLarge ? refusal["chunk-extension-large"] : accepted;
  }

  /** A CR that comes where the line may end; any other byte is a fault. */
  #endSizeLine(byte: number, mayEnd: boolean, fault: number): number {
    if (byte !== cr || !mayEnd) return lineFault(byte, fault);
    if (this.#state !== atSize) {
      this.#extensionBytes--; // The CR was counted, but is none of the extension.
    }
    this.#lineExtensionBytes = 0;
    this.#state = atSizeLf;
    return accepted;
  }

  #beginChunk(): number {
    this.#length = 0;
    if (this.#remaining === 0) {
      this.#state = atTrailers;
      return accepted;
    }
    this.bodyBytes += this.#remaining;
    this.#state = atData;
    if (this.#remaining < tinyBytes) this.#tinyChunks++;
    return this.#tinyChunks > this.#limits.tinyChunksMax ? refusal["chunk-tiny"] : accepted;
  }
}

function lineFault(byte: number, fault: number): number {
  if (byte === lf) return refusal["bare-lf"];
  return byte === 0 ? refusal.nul : fault;
}
