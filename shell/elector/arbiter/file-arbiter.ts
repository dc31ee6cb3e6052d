/**
 * An arbiter for members of one host: a row in a SQLite file. A write happens under the lock of the
 * kernel and is on disk before it is answered, so it survives every process and a loss of power.
 *
 * Not for network file systems: many of them only pretend to lock.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ArbiterRecord, VersionedRecord } from "@prunella/core/election";
import { ClusterError } from "@prunella/core/kernel";
import { storageError } from "@prunella/store";
import type { Arbiter, SwapOutcome } from "./arbiter.ts";

const waitMs = 250;
const busyCode = 5; // SQLITE_BUSY

type Row = { readonly version: number; readonly record: string };

export class FileArbiter implements Arbiter, AsyncDisposable {
  readonly name: string;
  readonly #database: DatabaseSync;

  private constructor(path: string, database: DatabaseSync) {
    this.name = path;
    this.#database = database;
  }

  /**
   * Opens or creates the file.
   *
   * @throws ClusterError `STATE_REFUSED`, `DISK_FULL` or `ARBITER_UNAVAILABLE`.
   */
  static open(path: string): FileArbiter {
    let database: DatabaseSync | undefined;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      database = new DatabaseSync(path, { timeout: waitMs });
      database.exec(
        "PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS arbiter (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, record TEXT NOT NULL)",
      );
      return new FileArbiter(path, database);
    } catch (error) {
      database?.close();
      throw translated(error, path, "open the arbiter file");
    }
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
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const outcome = this.#swapped(expected, record);
        this.#database.exec("COMMIT");
        return outcome;
      } catch (error) {
        this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }

  #swapped(expected: string | undefined, record: ArbiterRecord): SwapOutcome {
    if (this.#current().version !== expected) return { kind: "conflict" };
    const version = Number(expected ?? 0) + 1;
    this.#database
      .prepare("INSERT OR REPLACE INTO arbiter (one, version, record) VALUES (1, ?, ?)")
      .run(version, JSON.stringify(record));
    return { kind: "written", version: `${version}` };
  }

  #current(): VersionedRecord {
    const row = this.#database.prepare("SELECT version, record FROM arbiter").get() as
      | Row
      | undefined;
    if (row === undefined) return { version: undefined, record: undefined };
    return { version: `${row.version}`, record: JSON.parse(row.record) as ArbiterRecord };
  }

  #within<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw translated(error, this.name, "use the arbiter file");
    }
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
