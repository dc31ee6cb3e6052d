/**
 * The records of all instances, one file each: `instances/NAME/record.json`.
 *
 * A full disk must not stop healing. A record that cannot be written stays in memory and is written
 * when there is room; until then the environment of the copy says the same to a next agent. What a
 * crash in that time can cost is the memory of a copy that has already ended.
 */
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ClusterError, type InstanceName, instanceName, isName } from "@prunella/core/kernel";
import { isDiskFull, readJsonSync, storageError, writeJsonSync } from "@prunella/store";
import { type LaunchRecord, parseRecord } from "./launch-record.ts";

const recordFile = "record.json";

export class RecordStore {
  readonly folder: string;
  readonly #unwritten = new Map<InstanceName, LaunchRecord>();
  readonly #onFull: () => void;

  /** @param onFull - Called when the disk refuses a record; it may make room at once. */
  constructor(folder: string, onFull: () => void) {
    this.folder = folder;
    this.#onFull = onFull;
  }

  folderOf(instance: InstanceName): string {
    return join(this.folder, instance);
  }

  /** Every instance that has a folder. Names that begin with a dot are the host's own. */
  instances(): readonly InstanceName[] {
    return readdirSync(this.folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && isName(entry.name))
      .map((entry) => instanceName(entry.name));
  }

  /** The record; undefined when there is none, or none that can be read: that one is put aside. */
  read(instance: InstanceName): LaunchRecord | undefined {
    const unwritten = this.#unwritten.get(instance);
    if (unwritten !== undefined) return unwritten;
    const path = join(this.folderOf(instance), recordFile);
    try {
      const record = readJsonSync(path, parseRecord);
      return record?.copy.instance === instance ? record : undefined;
    } catch (error) {
      if (!ClusterError.is(error, "STATE_CORRUPT")) throw error;
      renameSync(path, `${path}.bad`); // Running processes tell the rest; see `adoption.ts`.
      return undefined;
    }
  }

  /**
   * Writes the intent of a launch.
   *
   * @throws ClusterError `STATE_REFUSED` when the folder cannot be used; never for a full disk.
   */
  write(record: LaunchRecord): void {
    this.#unwritten.set(record.copy.instance, record);
    if (this.#tryWrite(record)) return;
    this.#onFull();
    this.#tryWrite(record);
  }

  /** Writes what has happened, which no error can undo: what is refused waits for `writeAgain`. */
  note(record: LaunchRecord): void {
    try {
      this.write(record);
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
    }
  }

  /** Tries again what was refused. */
  writeAgain(): void {
    for (const record of this.#unwritten.values()) this.note(record);
  }

  /** Takes the record back that stood before a launch that came to nothing. */
  undo(instance: InstanceName, before: LaunchRecord | undefined): void {
    if (before !== undefined) {
      this.note(before);
      return;
    }
    this.#unwritten.delete(instance);
    rmSync(join(this.folderOf(instance), recordFile), { force: true });
  }

  /** Removes the whole folder of an instance. */
  remove(instance: InstanceName): void {
    this.#unwritten.delete(instance);
    rmSync(this.folderOf(instance), { recursive: true, force: true });
  }

  #tryWrite(record: LaunchRecord): boolean {
    const { instance } = record.copy;
    const folder = this.folderOf(instance);
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeJsonSync(join(folder, recordFile), record, { durable: false });
      this.#unwritten.delete(instance);
      return true;
    } catch (error) {
      if (isDiskFull(error)) return false;
      throw storageError(error, folder, "write the record in");
    }
  }
}
