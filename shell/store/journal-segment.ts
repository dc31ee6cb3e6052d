/**
 * One file of a journal, named after the first id it may hold. It knows how many of its bytes are
 * whole lines; what stands behind them is the rest of an interrupted write and is cut off.
 */
import { readFileSync, statSync, truncateSync } from "node:fs";
import { type FileHandle, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { eachLine, type JournalLine, readLine, statedId } from "./journal-line.ts";
import { storageError, systemCode } from "./storage-error.ts";

const namePattern = /^(\d{16})\.ndjson$/;

/** Read between two turns of the event loop: some 6 ms of parsing. */
const turnBytes = 64 * 1024;

export class JournalSegment {
  readonly path: string;
  readonly firstId: number;
  lastId: number;
  /** Bytes of whole lines; the next line goes here. */
  byteCount = 0;
  #file: FileHandle | undefined;

  constructor(folder: string, firstId: number) {
    this.path = join(folder, `${String(firstId).padStart(16, "0")}.ndjson`);
    this.firstId = firstId;
    this.lastId = firstId - 1;
  }

  /** The first id in a file name of a segment; undefined for any other file. */
  static firstIdOf(fileName: string): number | undefined {
    const digits = namePattern.exec(fileName)?.[1];
    return digits === undefined ? undefined : Number(digits);
  }

  /** Takes a finished segment as it is: it was synced before the next one was begun. */
  adopt(lastId: number): void {
    this.lastId = lastId;
    this.byteCount = statSync(this.path).size;
  }

  /** Finds the last whole line and cuts off what follows it. Returns what was found. */
  recover(): { readonly tornBytes: number; readonly damaged: number; readonly closed: boolean } {
    const bytes = readFileSync(this.path);
    let closed = false;
    let damaged = 0;
    let damagedBefore = 0; // Damaged lines with a good one behind them: not a torn tail.
    for (const { bytes: text, endOffset } of eachLine(bytes)) {
      const line = readLine(text);
      if (line === undefined) {
        damaged += 1;
        continue;
      }
      damagedBefore = damaged;
      this.lastId = Math.max(this.lastId, line.id);
      this.byteCount = endOffset;
      closed = line.type === "closed";
    }
    const tornBytes = bytes.length - this.byteCount;
    if (tornBytes > 0) truncateSync(this.path, this.byteCount);
    return { tornBytes, damaged: damagedBefore, closed: closed && tornBytes === 0 };
  }

  /** Writes at the end of the whole lines, so a failed write is overwritten by the next attempt. */
  async write(bytes: Buffer, lastId: number): Promise<void> {
    this.#file ??= await open(this.path, "r+").catch(async (error: unknown) => {
      if (systemCode(error) === "ENOENT") return await open(this.path, "wx+", 0o600);
      throw error;
    });
    let written = 0;
    while (written < bytes.length) {
      const position = this.byteCount + written;
      const result = await this.#file.write(bytes, written, bytes.length - written, position);
      written += result.bytesWritten;
    }
    this.byteCount += bytes.length;
    this.lastId = lastId;
  }

  /** Makes a reader of the file see whole lines only, after a write that failed half way. */
  async trim(): Promise<void> {
    // When even this fails, the next write at `byteCount` mends it, or the next `recover`.
    await this.#file?.truncate(this.byteCount).catch(() => undefined);
  }

  async sync(): Promise<void> {
    await this.#file?.datasync();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /**
   * Every whole line above `afterId` in order, undefined for a damaged one. A segment that is gone
   * has none. The event loop gets a turn every few milliseconds, however long the file is.
   */
  async *lines(afterId: number): AsyncGenerator<JournalLine | undefined> {
    const bytes = await readFile(this.path).catch((error: unknown) => {
      if (systemCode(error) === "ENOENT") return Buffer.alloc(0); // Dropped to keep the bound.
      throw storageError(error, this.path, "read");
    });
    let turnOffset = turnBytes;
    for (const { bytes: text, endOffset } of eachLine(bytes.subarray(0, this.byteCount))) {
      if (endOffset > turnOffset) {
        turnOffset = endOffset + turnBytes;
        await new Promise(setImmediate);
      }
      const id = statedId(text);
      if (id === undefined || id > afterId) yield readLine(text);
    }
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.path, { force: true });
  }
}
