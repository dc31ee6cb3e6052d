/**
 * Keeps the logs of all running copies, and with them the disk, within bounds.
 *
 * One look every 250 ms costs a `stat` per copy; where a file would be full before the next look,
 * the next look comes after 25 ms. So a log overshoots its size by at most what is printed between
 * two looks. When the disk is full, old logs go first, then the longest current one: explaining the
 * past is worth less than running at present.
 */
import { ClusterError, type InstanceName } from "@prunella/core/kernel";
import type { HostEvent, LogSpec } from "@prunella/runtime";
import { storageError, systemCode } from "@prunella/store";
import { DiskSpace } from "./disk-space.ts";
import type { InstanceLog } from "./instance-log.ts";
import { monotonicMs } from "./launch-record.ts";
import { LogFlow } from "./log-flow.ts";

export type LogKeeperOptions = {
  readonly folder: string;
  /** The logs of all instances, also of those that do not run. */
  readonly logs: () => Iterable<readonly [InstanceName, InstanceLog]>;
  readonly emit: (event: HostEvent) => void;
  /** Called at each look while there is room: what could not be written may be tried again. */
  readonly onRoom: () => void;
};

type Kept = {
  readonly log: InstanceLog;
  readonly spec: LogSpec;
  readonly flow: LogFlow;
  rotating: boolean;
};

const lookMs = 250;
const fastLookMs = 25;
const mebibyte = 1024 * 1024;
const kibibyte = 1024;
/** A current log below this size is not worth cutting. */
const cutBytesMin = 64 * kibibyte;
/** Bounds one attempt to make room. */
const dropCountMax = 1_000;

export class LogKeeper implements Disposable {
  readonly #options: LogKeeperOptions;
  readonly #disk: DiskSpace;
  readonly #kept = new Map<InstanceName, Kept>();
  /** Of which it was told that they cannot be kept within bounds. */
  readonly #failing = new WeakSet<Kept | DiskSpace>();
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: LogKeeperOptions) {
    this.#options = options;
    this.#disk = new DiskSpace(options.folder);
  }

  start(): void {
    this.#lookIn(lookMs);
  }

  /** Watches the log of a copy that runs. */
  keep(instance: InstanceName, log: InstanceLog, spec: LogSpec): void {
    const flow = new LogFlow(instance, spec.fileMiB * mebibyte, log.currentSize, monotonicMs());
    this.#kept.set(instance, { log, spec, flow, rotating: false });
    this.#lookIn(fastLookMs); // A new copy may be one that floods.
  }

  release(instance: InstanceName): void {
    this.#kept.delete(instance);
  }

  /** A write failed for want of space: makes room and says so. */
  makeRoom(): void {
    this.#try(undefined, () => this.#lookAtDisk(true));
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
  }

  #look(): void {
    const nowMs = monotonicMs();
    let nextMs = lookMs;
    for (const [instance, kept] of this.#kept) {
      this.#try(instance, () => this.#lookAtLog(instance, kept, nowMs));
      if (kept.flow.fullInMs < 2 * lookMs) nextMs = fastLookMs;
    }
    this.#try(undefined, () => this.#lookAtDisk(false));
    if (!this.#disk.isFull) this.#options.onRoom();
    this.#lookIn(nextMs);
  }

  /**
   * Whatever is wrong with one log, or with all (undefined), is told once; it neither ends the agent
   * nor keeps us from looking at the others.
   */
  #try(instance: InstanceName | undefined, act: () => void): void {
    const kept = instance === undefined ? undefined : this.#kept.get(instance);
    const subject = kept ?? this.#disk;
    try {
      act();
      if (kept?.rotating !== true) this.#failing.delete(subject);
    } catch (error) {
      if (!ClusterError.is(error) && systemCode(error) === undefined) throw error;
      if (this.#failing.has(subject)) return;
      this.#failing.add(subject);
      const path = kept?.log.folder ?? this.#options.folder;
      const { message } = storageError(error, path, "keep within its bounds the log in");
      this.#options.emit({ type: "log-failed", instance, message, data: { path } });
    }
  }

  #lookIn(waitMs: number): void {
    clearTimeout(this.#timer);
    if (!this.#disposed) this.#timer = setTimeout(() => this.#look(), waitMs);
  }

  #lookAtLog(instance: InstanceName, kept: Kept, nowMs: number): void {
    const { flow, log, spec } = kept;
    if (kept.rotating) return;
    const verdict = flow.look(log.currentSize, nowMs);
    if (verdict === "drop" || (verdict === "keep" && spec.filesMax === 0)) {
      this.#cut(instance, kept, nowMs);
    } else if (verdict === "keep") {
      void this.#rotate(instance, kept, nowMs);
    }
    const flood = flow.flood(nowMs);
    if (flood !== undefined) this.#options.emit(flood);
  }

  async #rotate(instance: InstanceName, kept: Kept, nowMs: number): Promise<void> {
    kept.rotating = true;
    try {
      const dropped = await kept.log.rotate(kept.spec.filesMax, kept.spec.fileMiB * mebibyte);
      if (dropped > 0) kept.flow.dropped(dropped, nowMs);
      const event = kept.flow.kept(kept.spec.filesMax, nowMs);
      if (event !== undefined) this.#options.emit(event);
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
      // No room for a copy: bounded comes before complete.
      this.#try(instance, () => this.#cut(instance, kept, nowMs));
      if (error.code === "DISK_FULL") this.makeRoom();
    } finally {
      kept.rotating = false;
    }
  }

  #cut(instance: InstanceName, kept: Kept, nowMs: number): void {
    const byteCount = kept.log.cut(
      (count) =>
        `${(count / mebibyte).toFixed(1)} MiB of output dropped here: ${instance} prints faster than its log may grow`,
    );
    kept.flow.dropped(byteCount, nowMs);
  }

  #lookAtDisk(refused: boolean): void {
    const change = this.#disk.look(monotonicMs(), refused);
    if (change === "recovered") {
      this.#options.emit({
        type: "disk-recovered",
        instance: undefined,
        message: `The disk that holds ${this.#options.folder} has room again.`,
        data: { folder: this.#options.folder, freeBytes: this.#disk.freeBytes },
      });
      return;
    }
    if (!this.#disk.isFull || (change === undefined && this.#disk.hasRoom)) return;
    const freeBytes = this.#disk.freeBytes;
    const dropped = this.#dropLogs();
    if (change !== "full") return;
    const remedy =
      dropped.bytes === 0
        ? "There are no old logs to remove."
        : `Old logs were removed (${(dropped.bytes / kibibyte).toFixed(0)} KiB).`;
    this.#options.emit({
      type: "disk-full",
      instance: undefined,
      message: `The disk that holds ${this.#options.folder} is full (${(freeBytes / kibibyte).toFixed(0)} KiB free). ${remedy} Instances go on; free some space.`,
      data: { folder: this.#options.folder, freeBytes, droppedBytes: dropped.bytes },
    });
  }

  /** Oldest rotated files first, whoever printed them, then the longest current one. */
  #dropLogs(): { readonly bytes: number } {
    let bytes = 0;
    for (let count = 0; count < dropCountMax && !this.#disk.hasRoom; count++) {
      const oldest = [...this.#options.logs()]
        .filter(([instance, log]) => log.rotatedCount > 0 && !this.#isRotating(instance))
        .sort(([, a], [, b]) => (a.oldestMs ?? 0) - (b.oldestMs ?? 0))[0];
      if (oldest === undefined) break;
      this.#try(oldest[0], () => {
        bytes += oldest[1].dropOldest();
      });
    }
    if (this.#disk.hasRoom) return { bytes };
    const longest = [...this.#options.logs()]
      .filter(([instance, log]) => log.currentSize >= cutBytesMin && !this.#isRotating(instance))
      .sort(([, a], [, b]) => b.currentSize - a.currentSize)[0];
    if (longest === undefined) return { bytes };
    const [instance, log] = longest;
    this.#try(instance, () => {
      bytes += log.cut((count) => `${count} bytes of output dropped here: the disk is full`);
    });
    return { bytes };
  }

  #isRotating(instance: InstanceName): boolean {
    return this.#kept.get(instance)?.rotating === true;
  }
}
