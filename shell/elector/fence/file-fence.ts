/**
 * A file that only the newest leader can replace. Beside `PATH` stands `PATH.fence`, which remembers
 * the highest token, and `PATH.fence.lock`, which the kernel locks for the time of one write.
 *
 * The token is on disk before the content is, so a writer that dies in between has already shut its
 * predecessors out. A writer that is stopped while it holds the lock makes the next one wait, and fail
 * with `STATE_LOCKED` after `waitMs`: a file has no operation that compares and replaces at once.
 */
import { DatabaseSync } from "node:sqlite";
import { ClusterError } from "@prunella/core/kernel";
import { readJsonSync, storageError, writeFileAtomicSync, writeJsonSync } from "@prunella/store";
import type { Fence } from "./fence.ts";
import { compareTokens, type FenceToken, isToken, parseToken, staleToken } from "./token.ts";

type Content = string | Uint8Array;

type Record = { readonly token: FenceToken };

const waitMsDefault = 1_000;
const busyCode = 5; // SQLITE_BUSY

export class FileFence implements Fence {
  readonly name: string;
  readonly #path: string;
  readonly #waitMs: number;

  constructor(path: string, options: { readonly waitMs?: number } = {}) {
    this.name = path;
    this.#path = path;
    this.#waitMs = options.waitMs ?? waitMsDefault;
  }

  async raise(token: FenceToken): Promise<void> {
    this.#locked(() => this.#admit(parseToken(token)));
  }

  /**
   * Replaces the file, whole, if no newer leader was here. A function is called under the lock, so it may
   * read the file to change it.
   *
   * @throws ClusterError `FENCE_STALE`, `STATE_LOCKED`, `DISK_FULL`, `STATE_REFUSED`, `STATE_CORRUPT`.
   */
  write(token: FenceToken, data: Content | (() => Content)): void {
    this.#locked(() => {
      this.#admit(parseToken(token));
      writeFileAtomicSync(this.#path, typeof data === "function" ? data() : data);
    });
  }

  #admit(token: FenceToken): void {
    const path = `${this.#path}.fence`;
    const highest = readJsonSync(path, parseRecord)?.token ?? "0";
    const order = compareTokens(token, highest);
    if (order < 0) throw staleToken(this.name, token, highest);
    if (order > 0) writeJsonSync(path, { token } satisfies Record);
  }

  #locked(action: () => void): void {
    const path = `${this.#path}.fence.lock`;
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { timeout: this.#waitMs });
      database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    } catch (error) {
      database?.close();
      throw lockError(error, path);
    }
    try {
      action();
    } finally {
      database.close();
    }
  }
}

function lockError(error: unknown, path: string): ClusterError {
  if (error instanceof Error && "errcode" in error && error.errcode === busyCode) {
    return new ClusterError("STATE_LOCKED", {
      message: `${path} is locked by another writer that did not end in time. If that process is stopped, end it.`,
      details: { path },
      cause: error,
    });
  }
  return storageError(error, path, "lock");
}

function parseRecord(value: unknown): Record | undefined {
  if (typeof value !== "object" || value === null || !("token" in value)) return undefined;
  return typeof value.token === "string" && isToken(value.token)
    ? { token: value.token }
    : undefined;
}
