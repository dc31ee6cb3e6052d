/**
 * An append-only list of records on disk: what happened, so that it can be explained after a crash.
 *
 * `append` costs a push onto an array. A single writer behind it writes whatever has gathered in one
 * go and lets the disk catch up (fdatasync) now and then: a killed process loses what the last few
 * milliseconds brought, a loss of power at most `syncMs`. Nothing ever waits for the disk.
 *
 * Invariants:
 *   J1  Ids grow: an id that `append` returned is never given to another record, also after a crash
 *       that lost it. (After an unclean end the next id leaves a gap as wide as what may be lost.)
 *   J2  A record is read back whole or not at all; torn and damaged lines are reported.
 *   J3  Disk and memory are bounded: `segmentsMax` files of `segmentBytesMax`, `pendingMax` records
 *       that wait for a full disk. The oldest go first, and the loss is counted and reported.
 */
import { mkdir, readdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { invariant } from "@prunella/core/kernel";
import { closedLine, entryLine } from "./journal-line.ts";
import { JournalSegment } from "./journal-segment.ts";
import { isDiskFull, storageError } from "./storage-error.ts";

export type JournalEntry<T> = { readonly id: number; readonly record: T };

/** What a person should hear about a journal. `message` is a sentence. */
export type JournalNotice = {
  readonly type: "torn-tail" | "damaged" | "disk-full" | "disk-failed" | "disk-recovered";
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
};

export type JournalOptions<T> = {
  readonly folder: string;
  /** Checks the shape of a record that was read; undefined means that it is not one of ours. */
  readonly parse: (value: unknown) => T | undefined;
  /** Not called any more once the journal is being closed. */
  readonly report?: (notice: JournalNotice) => void;
  /** Default 4 MiB. */
  readonly segmentBytesMax?: number;
  /** Default 8. At least 2. */
  readonly segmentsMax?: number;
  /** Records kept in memory while the disk is full. Default 4,096. */
  readonly pendingMax?: number;
  /** How long a record may wait for fdatasync. Default 200 ms. */
  readonly syncMs?: number;
  /** How long after a failed write until the next attempt. Default 1,000 ms. */
  readonly retryMs?: number;
};

const defaults = {
  segmentBytesMax: 4 * 1024 * 1024,
  segmentsMax: 8,
  pendingMax: 4_096,
  syncMs: 200,
  retryMs: 1_000,
  report: () => {},
};
const batchMax = 256;
/** J1: more ids than can be given out between two writes. */
const idGap = 10_000;
const lineBytesMax = 256 * 1024;

type Pending<T> = { readonly id: number; readonly record: T; readonly line: Buffer };

export class Journal<T> implements AsyncDisposable {
  readonly #options: Required<JournalOptions<T>>;
  readonly #segments: JournalSegment[] = [];
  readonly #closing = new AbortController();
  /** The newest records, on disk or not; never fewer than those that are not on disk. */
  #recent: JournalEntry<T>[] = [];
  #pending: Pending<T>[] = [];
  #batch: readonly Pending<T>[] = [];
  #nextId = 1;
  #writing: Promise<void> | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  #failure: "disk-full" | "disk-failed" | undefined;
  #droppedCount = 0;
  readonly #damagedFiles = new Set<string>();

  private constructor(options: JournalOptions<T>) {
    this.#options = { ...defaults, ...options };
    invariant(this.#options.segmentsMax >= 2, "a journal needs at least two segments");
    invariant(this.#options.pendingMax < idGap, "ids must outrun what a crash may lose");
  }

  /**
   * Opens or creates the journal; repairs what a crash left behind. The caller owns the folder.
   *
   * @throws ClusterError `STATE_REFUSED` or `DISK_FULL` when the folder cannot be made.
   */
  static async open<T>(options: JournalOptions<T>): Promise<Journal<T>> {
    const journal = new Journal(options);
    try {
      await mkdir(options.folder, { recursive: true, mode: 0o700 });
      journal.#recover(await readdir(options.folder));
    } catch (error) {
      throw storageError(error, options.folder, "open the journal in");
    }
    return journal;
  }

  /** Id of the newest record; 0 when there was never one. */
  get lastId(): number {
    return this.#nextId - 1;
  }

  /** Why records wait in memory, if they do; after the end: why the last ones are not on disk. */
  get failure(): "disk-full" | "disk-failed" | undefined {
    return this.#failure;
  }

  /** Takes a record and returns its id at once; the disk follows. */
  append(record: T): number {
    invariant(!this.#closing.signal.aborted, "no record is appended to a closed journal");
    const id = this.#nextId;
    const line = entryLine(id, record);
    invariant(line.length <= lineBytesMax, "a journal record is at most 256 KiB");
    this.#nextId += 1;
    this.#pending.push({ id, record, line });
    if (this.#pending.length > this.#options.pendingMax) {
      this.#pending.shift();
      this.#droppedCount += 1;
    }
    this.#remember({ id, record });
    this.#startWriting();
    return id;
  }

  /** Records with an id above `afterId`, oldest first, up to the newest at the time it is reached. */
  async *read(afterId: number): AsyncGenerator<JournalEntry<T>> {
    let lastId = afterId;
    const firstInMemory = this.#recent[0]?.id ?? this.#nextId;
    if (lastId + 1 < firstInMemory) {
      for (const segment of [...this.#segments]) {
        if (segment.lastId <= lastId) continue;
        for await (const entry of this.#entriesOf(segment, lastId)) {
          if (entry.id <= lastId) continue;
          lastId = entry.id;
          yield entry;
        }
      }
    }
    for (;;) {
      const fresh = this.#recent.filter((entry) => entry.id > lastId);
      if (fresh.length === 0) return;
      for (const entry of fresh) {
        lastId = entry.id;
        yield entry;
      }
    }
  }

  /** Resolves when everything appended so far is safe on disk, or false when the disk refuses. */
  async flush(): Promise<boolean> {
    while (this.#failure === undefined && (this.#pending.length > 0 || this.#batch.length > 0)) {
      this.#startWriting();
      await Promise.race([this.#writing, delay(10)]); // A writer that waits for space never ends.
    }
    if (this.#failure !== undefined) return false;
    await this.#sync();
    return this.#failure === undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await this.#writing;
    clearTimeout(this.#syncTimer);
    const segment = this.#segments.at(-1);
    if (segment === undefined) return;
    try {
      if (this.#failure === undefined) await segment.write(closedLine(this.lastId), this.lastId);
      await segment.sync();
      await segment.close();
    } catch (error) {
      this.#fail(error); // The next one to open finds an unclean end and leaves a gap.
    }
  }

  #recover(fileNames: readonly string[]): void {
    const firstIds = fileNames
      .map((name) => JournalSegment.firstIdOf(name))
      .filter((id) => id !== undefined)
      .sort((a, b) => a - b);
    for (const [index, firstId] of firstIds.entries()) {
      const segment = new JournalSegment(this.#options.folder, firstId);
      this.#segments.push(segment);
      const nextFirstId = firstIds[index + 1];
      if (nextFirstId === undefined) this.#recoverLast(segment);
      else segment.adopt(nextFirstId - 1);
    }
  }

  #recoverLast(segment: JournalSegment): void {
    const found = segment.recover();
    this.#nextId = segment.lastId + (found.closed ? 1 : idGap);
    if (found.tornBytes > 0) {
      this.#report("torn-tail", `The end of ${segment.path} was torn by a crash and cut off.`, {
        file: segment.path,
        byteCount: found.tornBytes,
      });
    }
    this.#reportDamage(segment, found.damaged);
  }

  #startWriting(): void {
    if (this.#writing !== undefined) return;
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async #write(): Promise<void> {
    await new Promise(setImmediate); // Whatever this turn of the loop appends goes in one write.
    while (this.#pending.length > 0 || this.#batch.length > 0) {
      if (this.#batch.length === 0) this.#batch = this.#pending.splice(0, batchMax);
      try {
        await this.#writeBatch();
        this.#recovered();
      } catch (error) {
        this.#fail(error);
        if (this.#closing.signal.aborted) return;
        await delay(this.#options.retryMs, undefined, { signal: this.#closing.signal }).catch(
          () => undefined, // Closing: one last attempt, at once.
        );
      }
    }
    this.#syncTimer ??= setTimeout(() => void this.#sync(), this.#options.syncMs).unref();
  }

  async #writeBatch(): Promise<void> {
    const bytes = Buffer.concat(this.#batch.map((pending) => pending.line));
    const first = this.#batch[0];
    const last = this.#batch.at(-1);
    invariant(first !== undefined && last !== undefined, "a batch is not empty");
    let segment = this.#segments.at(-1);
    if (
      segment === undefined ||
      (segment.byteCount > 0 && segment.byteCount + bytes.length > this.#options.segmentBytesMax)
    ) {
      await segment?.sync();
      await segment?.close();
      segment = new JournalSegment(this.#options.folder, first.id);
      this.#segments.push(segment);
      while (this.#segments.length > this.#options.segmentsMax) {
        await this.#dropOldest();
      }
    }
    try {
      await segment.write(bytes, last.id);
    } catch (error) {
      await segment.trim();
      throw error;
    }
    this.#batch = [];
  }

  async #dropOldest(): Promise<void> {
    const oldest = this.#segments.shift();
    if (oldest === undefined) return;
    this.#damagedFiles.delete(oldest.path);
    await oldest.remove();
  }

  async #sync(): Promise<void> {
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    try {
      await this.#segments.at(-1)?.sync();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const type = isDiskFull(error) ? "disk-full" : "disk-failed";
    if (this.#failure === type) return; // Said once; `disk-recovered` says when it is over.
    this.#failure = type;
    const { message } = storageError(error, this.#options.folder, "write the journal in");
    this.#report(
      type,
      `${message} The newest ${this.#options.pendingMax} records stay in memory.`,
      {
        folder: this.#options.folder,
      },
    );
  }

  #recovered(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    const droppedCount = this.#droppedCount;
    this.#droppedCount = 0;
    this.#report("disk-recovered", `The journal is written again; ${droppedCount} records lost.`, {
      folder: this.#options.folder,
      droppedCount,
    });
  }

  #remember(entry: JournalEntry<T>): void {
    this.#recent.push(entry);
    const recentMax = this.#options.pendingMax + 2 * batchMax;
    if (this.#recent.length > 2 * recentMax) this.#recent = this.#recent.slice(-recentMax);
  }

  async *#entriesOf(segment: JournalSegment, afterId: number): AsyncGenerator<JournalEntry<T>> {
    let damaged = 0;
    for await (const line of segment.lines(afterId)) {
      if (line === undefined) damaged += 1;
      if (line?.type !== "entry") continue;
      const record = this.#options.parse(line.record);
      if (record === undefined) damaged += 1;
      else yield { id: line.id, record };
    }
    this.#reportDamage(segment, damaged);
  }

  #reportDamage(segment: JournalSegment, lineCount: number): void {
    if (lineCount === 0 || this.#damagedFiles.has(segment.path)) return;
    this.#damagedFiles.add(segment.path); // Once per file; there are at most `segmentsMax` of them.
    this.#report("damaged", `${segment.path} has ${lineCount} damaged lines; they are left out.`, {
      file: segment.path,
      lineCount,
    });
  }

  #report(
    type: JournalNotice["type"],
    message: string,
    data: Readonly<Record<string, unknown>>,
  ): void {
    // Who hears a notice may append it. Of the last writes `failure` tells.
    if (this.#closing.signal.aborted) return;
    this.#options.report({ type, message, data });
  }
}
