/**
 * STUB of the contract; the bodies follow.
 */

export type ChunkLimits = {
  /** Sum of the chunk data in bytes; beyond it `body-large`. */
  readonly bodyBytesMax: number;
  /** Chunks under 16 bytes in one message. */
  readonly tinyChunksMax: number;
  readonly extensionLineBytesMax: number;
  readonly extensionBytesMax: number;
  readonly trailerBytesMax: number;
  readonly trailersMax: number;
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

/**
 * Follows a chunked body across pieces; one object per direction of a connection, `reset` per message.
 *
 * After each `scan`, forward `[start, at)` without the ranges in `drops`. `at` is where the message
 * ended (`accepted`), the end of the piece (`more`), or the first byte that must not be forwarded
 * (refusal). Surplus bytes behind `at` belong to the next message.
 */
export class ChunkScanner {
  /** How far the last scan got; absolute in its piece. */
  at = 0;
  /** Bytes of chunk data seen in this message. */
  bodyBytes = 0;
  /** `[start, end)` pairs in the last piece that are not to be forwarded, ascending. */
  drops: Int32Array = new Int32Array(16);
  dropCount = 0;

  /**
   * Starts a message. `nominated` are the names that Connection listed (`nominatedNames`): they are
   * refused as trailers.
   */
  reset(_limits: ChunkLimits, _keep: number, _nominated?: readonly Uint8Array[]): void {
    throw new Error("not built yet");
  }

  /** @returns `accepted` when the last byte of the message was seen, `more`, or a refusal. */
  scan(_bytes: Uint8Array, _start: number, _end: number): number {
    throw new Error("not built yet");
  }
}
