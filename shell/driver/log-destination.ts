/**
 * Where log lines go: batched, asynchronous, bounded. A slow, stuck or full disk costs lines, which
 * are counted, and never a request.
 *
 * Why not a stream of the log library: its writer opens files in blocking mode, and flushes without
 * a limit when the process ends. A file that never takes a byte (a pipe that nobody reads) then
 * keeps a thread of the pool inside the kernel, and Node joins its threads before it exits: the
 * process could not end. Here the file is opened non-blocking and closing has a deadline.
 */
import { close, constants, fstat, open, write } from "node:fs";

/** Bytes that wait in memory at most; what comes on top is dropped and counted. */
export const queuedBytesMax = 4 * 1024 * 1024;

const batchBytes = 64 * 1024;
const flushMs = 100;
/** A reader that is slow (EAGAIN) is asked again soon, a disk that fails later. */
const againMs = 20;
const failedMs = 1_000;

export type LogTarget = "stdout" | { readonly file: string };

export class LogDestination {
  readonly #target: LogTarget;
  #fd: number | undefined;
  /** Lines of the batch that is being filled. */
  #lines: string[] = [];
  #linesLength = 0;
  /** Full batches, oldest first. */
  readonly #batches: Buffer[] = [];
  #queuedBytes = 0;
  /** True while the system writes or opens, and while a failure waits for its next attempt. */
  #busy = false;
  #timer: NodeJS.Timeout | undefined;
  #closed: Promise<void> | undefined;
  #whenEmpty: (() => void) | undefined;
  #droppedLines = 0;
  #failure: string | undefined;

  constructor(target: LogTarget) {
    this.#target = target;
    this.#open();
  }

  get droppedLines(): number {
    return this.#droppedLines;
  }

  /** Why the last attempt to write failed; undefined while writing works. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** `line` ends with a line feed. The signature is what pino asks of a destination. */
  write(line: string): void {
    if (this.#closed !== undefined || this.#queuedBytes + line.length > queuedBytesMax) {
      this.#droppedLines++;
      return;
    }
    this.#lines.push(line);
    this.#linesLength += line.length;
    this.#queuedBytes += line.length;
    if (this.#linesLength >= batchBytes) {
      this.#seal();
      this.#writeNext();
    } else {
      this.#wakeIn(flushMs);
    }
  }

  /** Writes what is left, for `deadlineMs` at most, and closes. Idempotent. */
  close(deadlineMs: number): Promise<void> {
    this.#closed ??= this.#finish(deadlineMs);
    return this.#closed;
  }

  async #finish(deadlineMs: number): Promise<void> {
    this.#seal();
    const empty = Promise.withResolvers<void>();
    this.#whenEmpty = empty.resolve;
    const deadline = setTimeout(empty.resolve, deadlineMs);
    this.#writeNext();
    await empty.promise;
    this.#whenEmpty = undefined;
    clearTimeout(deadline);
    clearTimeout(this.#timer);
    if (this.#fd !== undefined && this.#fd > 2 && !this.#busy) close(this.#fd);
  }

  #open(): void {
    const isStandard = this.#target === "stdout";
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK;
    const path = this.#target === "stdout" ? "/proc/self/fd/1" : this.#target.file;
    this.#busy = true;
    open(path, isStandard ? flags : flags | constants.O_CREAT, 0o600, (error, fd) => {
      if (error === null) this.#opened(fd);
      else if (isStandard) this.#openInherited();
      else this.#retryIn(failedMs, error);
    });
  }

  /**
   * A socket cannot be opened a second time, and not every system has `/proc`. The descriptor that
   * was inherited serves as well; only a reader that stands still could hold the process back then,
   * and only when it ends.
   */
  #openInherited(): void {
    fstat(1, (error) => {
      if (error === null) this.#opened(1);
      else this.#retryIn(failedMs, error);
    });
  }

  #opened(fd: number): void {
    this.#fd = fd;
    this.#busy = false;
    this.#failure = undefined;
    this.#writeNext();
  }

  #seal(): void {
    if (this.#lines.length === 0) return;
    const batch = Buffer.from(this.#lines.join(""));
    this.#batches.push(batch);
    this.#queuedBytes += batch.length - this.#linesLength; // Characters were counted until here.
    this.#lines = [];
    this.#linesLength = 0;
  }

  #writeNext(): void {
    if (this.#busy) return;
    if (this.#fd === undefined) {
      this.#open();
      return;
    }
    const batch = this.#batches[0];
    if (batch === undefined) {
      this.#whenEmpty?.();
      return;
    }
    this.#busy = true;
    write(this.#fd, batch, 0, batch.length, null, (error, writtenBytes) => {
      if (error !== null) {
        this.#retryIn(error.code === "EAGAIN" ? againMs : failedMs, error);
        return;
      }
      this.#busy = false;
      this.#failure = undefined;
      this.#queuedBytes -= writtenBytes;
      if (writtenBytes === batch.length) this.#batches.shift();
      else this.#batches[0] = batch.subarray(writtenBytes);
      this.#writeNext();
    });
  }

  #retryIn(ms: number, error: NodeJS.ErrnoException): void {
    this.#failure = error.message;
    setTimeout(() => {
      this.#busy = false;
      this.#writeNext();
    }, ms).unref();
  }

  /** One timer at most: it is armed by the first line that waits. */
  #wakeIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#seal();
      this.#writeNext();
    }, ms).unref();
  }
}
