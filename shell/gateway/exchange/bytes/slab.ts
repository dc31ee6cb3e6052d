/**
 * Memory for rewritten heads: a block with a bump pointer. A block that is full is replaced and
 * never written again, so a view handed to an asynchronous write, or kept for a retry, stays as it
 * was. 64 KiB bound what one slow exchange can pin.
 */
export const blockBytes = 65_536;

export class Slab {
  block: Buffer = Buffer.allocUnsafeSlow(blockBytes);
  /** Next free byte. A writer advances it by `take`. */
  at = 0;

  /** Makes sure that `size` bytes follow `at` in one piece. */
  reserve(size: number): void {
    if (this.at + size <= this.block.length) return;
    this.block = Buffer.allocUnsafeSlow(Math.max(blockBytes, size));
    this.at = 0;
  }

  /** The bytes from `start` to `at`, for good. */
  view(start: number): Buffer {
    return this.block.subarray(start, this.at);
  }

  /** Copies `source[start..end)` behind what was written. The caller has reserved the room. */
  put(source: Uint8Array, start: number, end: number): void {
    if (end - start > rangeLoopMax) this.#set(source.subarray(start, end));
    else this.#loop(source, start, end);
  }

  /** As `put`, for a whole array: cheaper, because no view of a part has to be made. */
  putAll(source: Uint8Array): void {
    if (source.length > wholeLoopMax) this.#set(source);
    else this.#loop(source, 0, source.length);
  }

  #set(source: Uint8Array): void {
    this.block.set(source, this.at);
    this.at += source.length;
  }

  #loop(source: Uint8Array, start: number, end: number): void {
    const { block } = this;
    let { at } = this;
    for (let index = start; index < end; index++) block[at++] = source[index] ?? 0;
    this.at = at;
  }

  /** Writes an ASCII text without making a buffer of it. */
  putText(text: string): void {
    for (let index = 0; index < text.length; index++)
      this.block[this.at++] = text.charCodeAt(index);
  }
}

/** Up to so many bytes a loop is cheaper than a copy by the engine: of a whole array, of a part. */
const wholeLoopMax = 16;
const rangeLoopMax = 96;
