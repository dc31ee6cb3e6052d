/**
 * Files that are replaced whole: a reader, and a crash at any moment, finds the old content or the
 * new one and never half of it.
 *
 * The order is the usual one: write a temporary file in the same folder, fsync it, rename it over
 * the old one, fsync the folder. Without the two fsyncs (`durable: false`) the promise still holds
 * when a *process* is killed, but not when the machine loses power; facts about processes, which no
 * machine survives either, are written that way because it costs microseconds.
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ClusterError } from "@prunella/core/kernel";
import { storageError, systemCode } from "./storage-error.ts";

export type WriteOptions = {
  /** Survives a loss of power. Default true; false saves two fsyncs. */
  readonly durable?: boolean;
  /** Permissions of the file. Default 0600, because state holds secrets. */
  readonly mode?: number;
};

const modeDefault = 0o600;
const temporarySuffix = ".tmp";
let temporaryCount = 0;

/**
 * Replaces `path` by `data`.
 *
 * @throws ClusterError `DISK_FULL` or `STATE_REFUSED`; the old content stands then.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await using file = await open(temporary, "wx", options.mode ?? modeDefault);
    await file.writeFile(data);
    if (options.durable ?? true) await file.sync();
    await rename(temporary, path);
    if (options.durable ?? true) await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // The first error tells more.
    throw storageError(error, path, "write");
  }
}

/** The same, at once: for small facts that must be on disk before the next line of code runs. */
export function writeFileAtomicSync(
  path: string,
  data: string | Uint8Array,
  options: WriteOptions = {},
): void {
  const temporary = temporaryName(path);
  try {
    writeFileSync(temporary, data, {
      flag: "wx",
      mode: options.mode ?? modeDefault,
      flush: options.durable ?? true,
    });
    renameSync(temporary, path);
    if (options.durable ?? true) syncFolderSync(dirname(path));
  } catch (error) {
    removeQuietly(temporary);
    throw storageError(error, path, "write");
  }
}

/** Replaces `path` by a value as JSON, printed so that a person can read it. */
export async function writeJson(
  path: string,
  value: unknown,
  options: WriteOptions = {},
): Promise<void> {
  await writeFileAtomic(path, printed(value), options);
}

export function writeJsonSync(path: string, value: unknown, options: WriteOptions = {}): void {
  writeFileAtomicSync(path, printed(value), options);
}

/**
 * Reads a value that `writeJson` wrote; undefined when there is no such file.
 *
 * @param parse - Checks the shape and answers undefined when it is not what was written.
 * @param fix - What a person should do about a damaged file, as a sentence.
 * @throws ClusterError `STATE_CORRUPT` naming the file and the fix, or `STATE_REFUSED`.
 */
export async function readJson<T>(
  path: string,
  parse: (value: unknown) => T | undefined,
  fix?: string,
): Promise<T | undefined> {
  const text = await readFile(path, "utf8").catch(missing(path));
  return text === undefined ? undefined : parsed(text, path, parse, fix);
}

export function readJsonSync<T>(
  path: string,
  parse: (value: unknown) => T | undefined,
  fix?: string,
): T | undefined {
  let text: string | undefined;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    text = missing(path)(error);
  }
  return text === undefined ? undefined : parsed(text, path, parse, fix);
}

/** Removes what writers that were killed in the middle left behind in this folder. */
export function sweepTemporaryFiles(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = /\.(\d+)-\d+\.tmp$/.exec(name)?.[1];
    if (pid !== undefined && !runs(Number(pid))) removeQuietly(join(folder, name));
  }
}

function temporaryName(path: string): string {
  temporaryCount += 1;
  return `${path}.${process.pid}-${temporaryCount}${temporarySuffix}`;
}

function printed(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function missing(path: string): (error: unknown) => undefined {
  return (error) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw storageError(error, path, "read");
  };
}

function parsed<T>(
  text: string,
  path: string,
  parse: (value: unknown) => T | undefined,
  fix: string | undefined,
): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw corrupt(path, text === "" ? "it is empty" : "it is not JSON", fix, error);
  }
  const result = parse(value);
  if (result === undefined) throw corrupt(path, "it does not have the expected shape", fix);
  return result;
}

function corrupt(
  path: string,
  reason: string,
  fix: string | undefined,
  cause?: unknown,
): ClusterError {
  const remedy = fix ?? `Move it away (mv ${path} ${path}.bad) and run the command again.`;
  return new ClusterError("STATE_CORRUPT", {
    message: `${path} is damaged: ${reason}. ${remedy}`,
    details: { path, reason },
    cause,
  });
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}

function syncFolderSync(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The caller reports the error that made the file useless; `sweepTemporaryFiles` comes later.
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}
