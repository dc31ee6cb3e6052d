/**
 * An arbiter for members of one host: a row in a SQLite file. A write happens under the lock of the
 * kernel and is on disk before it is answered, so it survives every process and a loss of power.
 *
 * Somebody may remove the file or put another one in its place. A process that went on with the old one
 * would agree with nobody, so before and after each question the name is looked up again, and the file
 * that has it now is used. Versions begin at the time of day, so none of a lost file comes back.
 *
 * Not for network file systems: many of them only pretend to lock.
 */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ArbiterRecord, VersionedRecord } from "@prunella/core/election";
import { ClusterError } from "@prunella/core/kernel";
import { storageError } from "@prunella/store";
import type { Arbiter, SwapOutcome } from "./arbiter.ts";

const waitMs = 250;
const busyCode = 5; // SQLITE_BUSY

type Opened = { readonly database: DatabaseSync; readonly inode: number | undefined };
type Row = { readonly version: number; readonly record: string };

export class FileArbiter implements Arbiter, AsyncDisposable {
  readonly name: string;
  #opened: Opened;

  private constructor(path: string, opened: Opened) {
    this.name = path;
    this.#opened = opened;
  }

  /**
   * Opens or creates the file.
   *
   * @throws ClusterError `STATE_REFUSED`, `DISK_FULL` or `ARBITER_UNAVAILABLE`.
   */
  static open(path: string): FileArbiter {
    return new FileArbiter(path, openFile(path));
  }

  async read(signal: AbortSignal): Promise<VersionedRecord> {
    signal.throwIfAborted();
    return this.#within(() => this.#current());
  }

  async swap(
    expected: string | undefined,
    record: ArbiterRecord,
    signal: AbortSignal,
  ): Promise<SwapOutcome> {
    signal.throwIfAborted();
    return this.#within(() => {
      const { database } = this.#opened;
      database.exec("BEGIN IMMEDIATE");
      try {
        const outcome = this.#swapped(expected, record);
        database.exec("COMMIT");
        return outcome;
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK"); // A full disk has done that already.
        throw error;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { database } = this.#opened;
    if (database.isOpen) database.close();
  }

  #swapped(expected: string | undefined, record: ArbiterRecord): SwapOutcome {
    if (this.#current().version !== expected) return { kind: "conflict" };
    const version = Number(expected ?? Date.now()) + 1;
    this.#opened.database
      .prepare("INSERT OR REPLACE INTO arbiter (one, version, record) VALUES (1, ?, ?)")
      .run(version, JSON.stringify(record));
    return { kind: "written", version: `${version}` };
  }

  #current(): VersionedRecord {
    const row = this.#opened.database.prepare("SELECT version, record FROM arbiter").get() as
      | Row
      | undefined;
    if (row === undefined) return { version: undefined, record: undefined };
    return { version: `${row.version}`, record: JSON.parse(row.record) as ArbiterRecord };
  }

  #isCurrent(): boolean {
    const inode = inodeOf(this.name);
    return inode !== undefined && inode === this.#opened.inode;
  }

  #follow(): void {
    const next = openFile(this.name);
    this.#opened.database.close();
    this.#opened = next;
  }

  #within<T>(action: () => T): T {
    try {
      if (!this.#isCurrent()) this.#follow();
      const outcome = action();
      if (this.#isCurrent()) return outcome;
      throw new ClusterError("ARBITER_UNAVAILABLE", {
        message: `${this.name} was removed or replaced while it was asked. It is opened anew; leave it where it is.`,
        details: { path: this.name },
      });
    } catch (error) {
      throw translated(error, this.name, "use the arbiter file");
    }
  }
}

/** Undefined for a file that is gone. */
function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

function openFile(path: string): Opened {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    database = new DatabaseSync(path, { timeout: waitMs });
    database.exec(
      "PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS arbiter (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, record TEXT NOT NULL)",
    );
    return { database, inode: inodeOf(path) };
  } catch (error) {
    database?.close();
    throw translated(error, path, "open the arbiter file");
  }
}

function translated(error: unknown, path: string, doing: string): ClusterError {
  if (error instanceof Error && "errcode" in error && error.errcode === busyCode) {
    return new ClusterError("ARBITER_UNAVAILABLE", {
      message: `${path} is locked by another process for longer than ${waitMs} ms. If that process is stopped, end it.`,
      details: { path },
      cause: error,
    });
  }
  return storageError(error, path, doing);
}
