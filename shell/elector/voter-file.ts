/**
 * What a voter must never forget: which term it promised, and to whom. A vote is an answer that was
 * written down first.
 *
 * The file is a ring of slots of one size, each with its own checksum. A record goes over the oldest
 * one, so a torn write costs nothing that was ever answered, and the file never grows: a disk that
 * fills up later does not keep a voter from voting.
 *
 *   offset 0  "PVT2"   4 bytes         8  serial   8 bytes, from 1     16  length   4 bytes
 *          4  CRC-32   4 bytes, of all that follows                    20  JSON
 *
 * Invariants:
 *   D1  What `save` resolved for is found by every later `open`, also after a loss of power.
 *   D2  A file that lost more than the record that was being written is refused, never guessed at.
 *
 * D1: `save` resolves after fdatasync; the file has its full length, and its folder was synced, before
 * the first record. Two processes with one folder are kept apart by a kernel lock. A disk that lies
 * about fdatasync, or forgets its newest sector, is survived by nobody.
 */
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { DurableRecord } from "@prunella/core/election";
import { ClusterError, invariant } from "@prunella/core/kernel";
import { type FolderLock, lockFolder, storageError, writeFileAtomic } from "@prunella/store";

type FileHandle = Awaited<ReturnType<typeof open>>;

const fileName = "voter";
const magic = "PVT2";
export const slotBytes = 64 * 1024;
export const slotCount = 4;
const headBytes = 20;

export class VoterFile implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #lock: FolderLock;
  readonly #path: string;
  #serial: number;
  #writing: Promise<unknown> = Promise.resolve();
  #found: DurableRecord | undefined;

  private constructor(
    parts: { readonly handle: FileHandle; readonly lock: FolderLock; readonly path: string },
    newest: Numbered | undefined,
  ) {
    this.#handle = parts.handle;
    this.#lock = parts.lock;
    this.#path = parts.path;
    this.#serial = newest?.serial ?? 0;
    this.#found = newest?.record;
  }

  /**
   * Opens or creates the file in `folder` and takes the folder for this process.
   *
   * @throws ClusterError `STATE_LOCKED` when another process votes with it, `STATE_CORRUPT`,
   *   `STATE_REFUSED` or `DISK_FULL`.
   */
  static async open(folder: string): Promise<VoterFile> {
    const path = join(folder, fileName);
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw storageError(error, folder, "create the voter folder");
    });
    const lock = takeFolder(folder);
    let handle: FileHandle | undefined;
    try {
      handle = await openWhole(path);
      const bytes = Buffer.alloc(slotCount * slotBytes);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
      const newest = newestOf(bytes.subarray(0, bytesRead), path);
      return new VoterFile({ handle, lock, path }, newest);
    } catch (error) {
      await handle?.close();
      lock[Symbol.dispose]();
      throw storageError(error, path, "open the voter file");
    }
  }

  /** What the last process left behind; undefined when this voter never promised anything. */
  get found(): DurableRecord | undefined {
    return this.#found;
  }

  /**
   * Resolves when the record is on disk. Calls wait for each other, in order.
   *
   * @throws ClusterError `DISK_FULL` or `STATE_REFUSED`; the vote must not be given then.
   */
  save(record: DurableRecord): Promise<void> {
    const done = this.#writing.then(() => this.#write(record));
    this.#writing = done.catch(() => undefined); // Whoever asked for this record was told.
    return done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    await this.#handle.close();
    this.#lock[Symbol.dispose]();
  }

  async #write(record: DurableRecord): Promise<void> {
    const serial = this.#serial + 1;
    const bytes = encode(serial, record);
    try {
      await writeWhole(this.#handle, bytes, (serial % slotCount) * slotBytes);
      await this.#handle.datasync();
    } catch (error) {
      throw storageError(error, this.#path, "write the vote to");
    }
    this.#serial = serial;
    this.#found = record;
  }
}

type Numbered = { readonly serial: number; readonly record: DurableRecord };

function takeFolder(folder: string): FolderLock {
  try {
    return lockFolder(folder);
  } catch (error) {
    if (!ClusterError.is(error, "STATE_LOCKED")) throw error;
    const { pid } = error.details;
    const who = pid === undefined ? "Another process" : `Another process (pid ${pid})`;
    throw new ClusterError("STATE_LOCKED", {
      message: `${who} votes with ${folder}. Each member of an election needs a folder of its own.`,
      details: error.details,
      cause: error,
    });
  }
}

/** All bytes are there from the beginning, so a later write never needs room. */
async function openWhole(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ENOENT") throw error;
  }
  await writeFileAtomic(path, Buffer.alloc(slotCount * slotBytes));
  return await open(path, "r+");
}

/** A write may end early without an error, and a vote that is half on disk is none. */
async function writeWhole(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    if (bytesWritten === 0) throw new Error("the disk takes no more bytes");
    done += bytesWritten;
  }
}

function encode(serial: number, record: DurableRecord): Buffer {
  const json = Buffer.from(JSON.stringify(record));
  invariant(json.length <= slotBytes - headBytes, "a voter's record fits into its slot");
  const bytes = Buffer.alloc(headBytes + json.length);
  bytes.write(magic, 0, "latin1");
  bytes.writeBigUInt64LE(BigInt(serial), 8);
  bytes.writeUInt32LE(json.length, 16);
  json.copy(bytes, headBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

/** Undefined for a slot that was never written, `damaged` for one that is not whole. */
function decode(slot: Buffer): Numbered | "damaged" | undefined {
  if (slot.subarray(0, headBytes).every((byte) => byte === 0)) return undefined;
  const length = slot.readUInt32LE(16);
  if (slot.toString("latin1", 0, magic.length) !== magic) return "damaged";
  if (length > slotBytes - headBytes) return "damaged";
  const bytes = slot.subarray(8, headBytes + length);
  if (slot.readUInt32LE(4) !== crc32(bytes)) return "damaged";
  // The checksum proves that these bytes are ours, so their shape needs no second proof.
  const record = JSON.parse(bytes.toString("utf8", headBytes - 8)) as DurableRecord;
  return { serial: Number(slot.readBigUInt64LE(8)), record };
}

/** D2: only the record behind the newest one may be damaged, because only that one was being written. */
function newestOf(bytes: Buffer, path: string): Numbered | undefined {
  if (bytes.length !== slotCount * slotBytes) throw corrupt(path, "its length is wrong");
  const records = Array.from({ length: slotCount }, (_, index) =>
    decode(bytes.subarray(index * slotBytes, (index + 1) * slotBytes)),
  );
  let newest: Numbered | undefined;
  for (const [index, found] of records.entries()) {
    if (found === undefined || found === "damaged") continue;
    if (found.serial % slotCount !== index) throw corrupt(path, "a record is in the wrong place");
    if (newest === undefined || found.serial > newest.serial) newest = found;
  }
  const next = ((newest?.serial ?? 0) + 1) % slotCount;
  if (records.some((found, index) => found === "damaged" && index !== next)) {
    throw corrupt(path, "more than one record is not whole");
  }
  return newest;
}

function corrupt(path: string, why: string): ClusterError {
  return new ClusterError("STATE_CORRUPT", {
    message: `${path} is damaged: ${why}. This member may have voted in a term that it does not know any more. Wait until the others have a leader, then remove the file and start again; never remove the files of a majority at once.`,
    details: { path },
  });
}
