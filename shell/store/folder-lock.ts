/**
 * One owner per state folder.
 *
 * The lock is an exclusive transaction on an empty SQLite database that is held open and never
 * written: the kernel keeps it for as long as the process lives and drops it on any death, `kill -9`
 * included, so there is no stale lock to break and no pid to guess about. Node has no `flock`, and
 * `node:sqlite` is the part of the platform that takes a kernel lock (fcntl, so children do not
 * inherit it). The journal stays in memory, because a full disk must not keep a cluster from coming
 * up. A side file says who holds the lock; it is for messages only.
 */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ClusterError } from "@prunella/core/kernel";
import { readJsonSync, writeJsonSync } from "./atomic-file.ts";
import { storageError } from "./storage-error.ts";

/** Who holds a lock, as far as is known. */
export type LockHolder = { readonly pid: number; readonly since: string };

const lockFile = "lock.db";
const holderFile = "lock.json";
const busyCode = 5; // SQLITE_BUSY
const notDatabaseCode = 26; // SQLITE_NOTADB

// A collected database object would close its file and give the lock away; this keeps it reachable.
const heldLocks = new Set<FolderLock>();

export class FolderLock implements Disposable {
  readonly folder: string;
  readonly #database: DatabaseSync;
  readonly #inode: number;

  /** @internal Use `lockFolder`. */
  constructor(folder: string, database: DatabaseSync) {
    this.folder = folder;
    this.#database = database;
    this.#inode = statSync(join(folder, lockFile)).ino;
    heldLocks.add(this);
  }

  /** False when somebody removed the folder under us: then another owner may come, and we must go. */
  isIntact(): boolean {
    const found = statSync(join(this.folder, lockFile), { throwIfNoEntry: false });
    return this.#database.isOpen && found?.ino === this.#inode;
  }

  [Symbol.dispose](): void {
    if (!this.#database.isOpen) return;
    if (this.isIntact()) rmSync(join(this.folder, holderFile), { force: true });
    this.#database.close();
    heldLocks.delete(this);
  }
}

/**
 * Takes the folder, which must exist, or says who has it. Never waits.
 *
 * @throws ClusterError `STATE_LOCKED` (`details.pid` when known), `STATE_CORRUPT` when `lock.db` is
 *   not what it should be, `STATE_REFUSED` when the folder cannot be used.
 */
export function lockFolder(folder: string): FolderLock {
  const path = join(folder, lockFile);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    throw refused(error, folder, path);
  }
  const lock = new FolderLock(folder, database);
  noteHolder(folder);
  return lock;
}

/** Who holds the folder, by its side file; undefined when nobody said so. */
export function lockHolder(folder: string): LockHolder | undefined {
  try {
    return readJsonSync(join(folder, holderFile), parseHolder);
  } catch (error) {
    if (ClusterError.is(error)) return undefined; // Damaged: then it is not known.
    throw error;
  }
}

function noteHolder(folder: string): void {
  const holder: LockHolder = { pid: process.pid, since: new Date().toISOString() };
  try {
    writeJsonSync(join(folder, holderFile), holder, { durable: false });
  } catch (error) {
    if (!ClusterError.is(error)) throw error;
    rmSync(join(folder, holderFile), { force: true }); // Better no name than that of a predecessor.
  }
}

function refused(error: unknown, folder: string, path: string): ClusterError {
  const code = sqliteCode(error);
  if (code === busyCode) return locked(folder, error);
  if (code === notDatabaseCode) {
    return new ClusterError("STATE_CORRUPT", {
      message: `${path} is damaged: it is not a lock file. Make sure that no agent runs, remove it and run the command again; it holds no data.`,
      details: { path },
      cause: error,
    });
  }
  if (code === undefined) return storageError(error, path, "lock");
  return new ClusterError("STATE_REFUSED", {
    message: `Cannot lock ${path}: ${error instanceof Error ? error.message : code}. Check that the folder exists and can be written, or choose another one with --state.`,
    details: { path, code },
    cause: error,
  });
}

function locked(folder: string, cause: unknown): ClusterError {
  const holder = lockHolder(folder);
  const who = holder === undefined ? "" : ` (pid ${holder.pid}, since ${holder.since})`;
  return new ClusterError("STATE_LOCKED", {
    message: `Another agent${who} owns ${folder}. Use that one, end it with: npx prunella down, or choose another folder with --state.`,
    details: { folder, pid: holder?.pid, since: holder?.since },
    cause,
  });
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}

function parseHolder(value: unknown): LockHolder | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { pid, since } = value as Partial<LockHolder>;
  return typeof pid === "number" && typeof since === "string" ? { pid, since } : undefined;
}
