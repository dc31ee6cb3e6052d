/**
 * What the copies of one instance print: `log/current.log`, into which the copies write themselves
 * (no pipe, so that nothing depends on an agent), and older files `log/000017.log`.
 *
 * The current file is shortened under a running writer: its content is copied away, then the file is
 * truncated. Writers have it open with O_APPEND, so they go on at its start. What is printed in the
 * microseconds between the last copied byte and the truncation is lost; a program that writes its
 * own log file and rotates it itself does not have that gap.
 *
 * All bytes ever printed are numbered, so a reader keeps its place over rotations:
 *
 *     000016.log [a, b)   000017.log [b, c)   (dropped [c, d))   current.log [d, ...)
 */
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { ClusterError } from "@prunella/core/kernel";
import { storageError, systemCode } from "@prunella/store";

type LogFile = { readonly path: string; readonly start: number; readonly end: number };

/** Bytes from `start` on; `lost` counts those that were asked for and have been deleted. */
export type LogChunk = { readonly start: number; readonly bytes: Buffer; readonly lost: number };

const rotatedPattern = /^(\d{6,})\.log$/;
const copyName = "rotating.tmp";
const chunkLengthMax = 64 * 1024;
/** How often the copy may fall behind a fast writer before the rest is dropped. */
const catchUpMax = 4;

export class InstanceLog {
  readonly folder: string;
  readonly #current: string;
  #rotated: LogFile[] = [];
  #nextNumber = 1;
  /** Number of the first byte in the current file. */
  #base = 0;
  /** Number of the first byte that was not deleted together with its file. */
  #deletedEnd = 0;

  /** Touches the disk only to look at what is there. */
  constructor(instanceFolder: string) {
    this.folder = join(instanceFolder, "log");
    this.#current = join(this.folder, "current.log");
    for (const { name, number } of rotatedIn(this.folder)) {
      this.#nextNumber = number + 1;
      const path = join(this.folder, name);
      const start = this.#base;
      this.#base += sizeOf(path) ?? 0;
      this.#rotated.push({ path, start, end: this.#base });
    }
  }

  exists(): boolean {
    return this.#rotated.length > 0 || sizeOf(this.#current) !== undefined;
  }

  get currentSize(): number {
    return sizeOf(this.#current) ?? 0;
  }

  /** Number of the byte that will be printed next. */
  get end(): number {
    return this.#base + this.currentSize;
  }

  get rotatedCount(): number {
    return this.#rotated.length;
  }

  /** When the oldest rotated file was written; undefined when there is none. */
  get oldestMs(): number | undefined {
    const oldest = this.#rotated[0];
    if (oldest === undefined) return undefined;
    return statSync(oldest.path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }

  /**
   * Opens the current file for a copy to write into, after a line that says who begins. The caller
   * closes it.
   *
   * @throws ClusterError `DISK_FULL` or `STATE_REFUSED`.
   */
  open(line: string): number {
    const { O_APPEND, O_CREAT, O_RDWR } = constants;
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      rmSync(join(this.folder, copyName), { force: true }); // The rest of an interrupted rotation.
      const file = openSync(this.#current, O_APPEND | O_CREAT | O_RDWR, 0o600);
      try {
        this.#writeLine(file, line);
      } catch (error) {
        closeSync(file);
        throw error;
      }
      return file;
    } catch (error) {
      throw storageError(error, this.#current, "write the log");
    }
  }

  /**
   * Moves the content of the current file to an older one; at most `filesMax` of those stay. Of a
   * content more than twice as long as `bytesMax` only the newest `bytesMax` are kept.
   *
   * Returns how many bytes were dropped.
   */
  async rotate(filesMax: number, bytesMax = Number.POSITIVE_INFINITY): Promise<number> {
    const copy = join(this.folder, copyName);
    try {
      while (this.#rotated.length >= filesMax) this.dropOldest(); // First, so the bound always holds.
      const size = this.currentSize;
      const dropped = size > 2 * bytesMax ? size - bytesMax : 0;
      const head = `[prunella] ${dropped} bytes of output dropped here: it came faster than it could be kept\n`;
      if (dropped === 0) await copyFile(this.#current, copy);
      else writeFileSync(copy, head);
      const copied = this.#catchUp(copy, dropped === 0 ? (sizeOf(copy) ?? 0) : dropped);
      const path = join(this.folder, `${String(this.#nextNumber).padStart(6, "0")}.log`);
      renameSync(copy, path); // A crash here repeats lines, the other order would lose them.
      truncateSync(this.#current, 0);
      this.#nextNumber += 1;
      const start = this.#base + dropped - (dropped === 0 ? 0 : head.length);
      this.#base += copied;
      this.#rotated.push({ path, start, end: this.#base });
      return dropped;
    } catch (error) {
      rmSync(copy, { force: true });
      throw storageError(error, this.#current, "rotate the log");
    }
  }

  /**
   * Throws the content of the current file away and leaves a line that says so. Returns its size.
   * On a full disk the line may not fit: whoever floods the log takes the freed space first.
   *
   * @throws ClusterError `STATE_REFUSED` when the file cannot be shortened.
   */
  cut(line: (byteCount: number) => string): number {
    const byteCount = this.currentSize;
    if (byteCount === 0) return 0;
    try {
      truncateSync(this.#current, 0);
      this.#base += byteCount;
    } catch (error) {
      throw storageError(error, this.#current, "cut the log");
    }
    this.#tryMark(line(byteCount));
    return byteCount;
  }

  /** Deletes the oldest rotated file. Returns how many bytes that freed. */
  dropOldest(): number {
    const oldest = this.#rotated.shift();
    if (oldest === undefined) return 0;
    rmSync(oldest.path, { force: true });
    this.#deletedEnd = oldest.end;
    return oldest.end - oldest.start;
  }

  /** Up to 64 KiB from byte `offset` on. Empty at the end. */
  read(offset: number): LogChunk {
    const lost = Math.max(0, this.#deletedEnd - offset);
    for (const file of this.#rotated) {
      if (offset >= file.end) continue;
      const start = Math.max(offset, file.start);
      const bytes = readAt(file.path, start - file.start, file.end - start);
      if (bytes.length > 0) return { start, bytes, lost };
    }
    const start = Math.max(offset, this.#base);
    return { start, bytes: readAt(this.#current, start - this.#base, chunkLengthMax), lost };
  }

  /** Where the last `lineCount` lines begin. */
  tailOffset(lineCount: number): number {
    let missing = lineCount + 1; // The newline before the first of them ends the search.
    const files = [...this.#rotated, { path: this.#current, start: this.#base, end: this.end }];
    let atEnd = true;
    for (const file of files.reverse()) {
      for (let end = file.end; end > file.start; ) {
        const start = Math.max(file.start, end - chunkLengthMax);
        const bytes = readAt(file.path, start - file.start, end - start);
        let last = bytes.length;
        if (atEnd && bytes.length > 0) {
          atEnd = false;
          if (bytes.at(-1) !== 0x0a) missing -= 1; // A line that is not finished counts.
        }
        for (;;) {
          const newline = last === 0 ? -1 : bytes.lastIndexOf(0x0a, last - 1);
          if (newline === -1) break;
          missing -= 1;
          if (missing <= 0) return start + newline + 1;
          last = newline;
        }
        end = start;
      }
    }
    return files.at(-1)?.start ?? 0;
  }

  /** Appends to the copy all from `position` on, also what is printed meanwhile. Returns the end. */
  #catchUp(copy: string, position: number): number {
    const target = openSync(copy, "a");
    try {
      let copied = position;
      for (let round = 0; round < catchUpMax; round++) {
        const rest = readAt(
          this.#current,
          copied,
          this.currentSize - copied,
          Number.POSITIVE_INFINITY,
        );
        if (rest.length === 0) break;
        writeFileSync(target, rest);
        copied += rest.length;
      }
      return copied;
    } finally {
      closeSync(target);
    }
  }

  /** Best effort: the log goes on without the line as well. */
  #tryMark(line: string): void {
    try {
      const file = openSync(this.#current, constants.O_APPEND | constants.O_RDWR);
      try {
        this.#writeLine(file, line);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      if (systemCode(error) === undefined && !ClusterError.is(error)) throw error;
    }
  }

  #writeLine(file: number, line: string): void {
    const size = this.currentSize;
    const last = size === 0 ? undefined : readAt(this.#current, size - 1, 1)[0];
    const separator = last === undefined || last === 0x0a ? "" : "\n"; // It was killed mid-line.
    writeFileSync(file, `${separator}[prunella] ${line}\n`);
  }
}

/** The older files, oldest first: by number, since the millionth name is longer than its elders. */
function rotatedIn(folder: string): readonly { readonly name: string; readonly number: number }[] {
  return namesIn(folder)
    .map((name) => ({ name, number: Number(rotatedPattern.exec(name)?.[1]) }))
    .filter(({ number }) => !Number.isNaN(number))
    .sort((a, b) => a.number - b.number);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw storageError(error, folder, "read");
  }
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

function readAt(path: string, position: number, length: number, max = chunkLengthMax): Buffer {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return Buffer.alloc(0);
    throw storageError(error, path, "read");
  }
  try {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, max)));
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, position));
  } finally {
    closeSync(file);
  }
}
