/**
 * Bytes that wait in order, in one growing buffer: what a pipelining client sent ahead, or a head
 * that comes in pieces. Pieces are copied, so that a thousand one-byte reads do not pin a thousand
 * buffers, and the buffer doubles, so that a byte is copied a constant number of times. Bytes that
 * were handed out as views are never overwritten, because a socket may still hold them.
 */
const initialBytes = 2_048;

export class GrowingBytes {
  bytes: Buffer = noBytes;
  /** The bytes in use are `[start, end)`. */
  start = 0;
  end = 0;

  get length(): number {
    return this.end - this.start;
  }

  push(source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (size <= 0) return;
    if (this.end + size > this.bytes.length) this.#grow(size);
    this.bytes.set(
      start === 0 && end === source.length ? source : source.subarray(start, end),
      this.end,
    );
    this.end += size;
  }

  /** Gives up what lies before `at`; all may have been given up by then. */
  advance(at: number): void {
    if (at < this.end) this.start = at;
    else this.clear();
  }

  clear(): void {
    this.bytes = noBytes;
    this.start = 0;
    this.end = 0;
  }

  #grow(size: number): void {
    const { length } = this;
    const next = Buffer.allocUnsafeSlow(Math.max(initialBytes, 2 * (length + size)));
    next.set(this.bytes.subarray(this.start, this.end));
    this.bytes = next;
    this.start = 0;
    this.end = length;
  }
}

export const noBytes: Buffer = Buffer.alloc(0);
