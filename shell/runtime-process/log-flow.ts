/**
 * How fast one log grows, and what of it is kept: at most one file a second. Whatever fills files
 * faster than that is a flood; keeping all of it would cost twice its rate in disk writes and push
 * out, within seconds, the lines that explain the flood.
 */

import type { InstanceName } from "@prunella/core/kernel";
import type { HostEvent } from "@prunella/runtime";

const keepMsMin = 1_000;
const reportMsMin = 10_000;
const youngMs = 1_000;
const calmMs = 2_000;
const mebibyte = 1024 * 1024;

export class LogFlow {
  readonly #instance: InstanceName;
  readonly #fileBytes: number;
  #sizeBefore: number;
  #lookedMs: number;
  #bytesPerMs = 0;
  readonly #bornMs: number;
  /** Since when and how many bytes were printed, for the rate in a report. */
  #window: { readonly startMs: number; readonly byteCount: number };
  #keptMs = Number.NEGATIVE_INFINITY;
  #droppedMs = Number.NEGATIVE_INFINITY;
  #droppedBytes = 0;
  #floodToldMs = Number.NEGATIVE_INFINITY;
  #rotationToldMs = Number.NEGATIVE_INFINITY;
  #rotationCount = 0;

  constructor(instance: InstanceName, fileBytes: number, size: number, nowMs: number) {
    this.#instance = instance;
    this.#fileBytes = fileBytes;
    this.#sizeBefore = size;
    this.#lookedMs = nowMs;
    this.#bornMs = nowMs;
    this.#window = { startMs: nowMs, byteCount: 0 };
  }

  /** Takes the size of the current file and says what to do with it. */
  look(size: number, nowMs: number): "leave" | "keep" | "drop" {
    const grown = Math.max(0, size - this.#sizeBefore);
    this.#bytesPerMs = grown / Math.max(1, nowMs - this.#lookedMs);
    this.#window = { ...this.#window, byteCount: this.#window.byteCount + grown };
    this.#sizeBefore = size;
    this.#lookedMs = nowMs;
    if (size < this.#fileBytes) return "leave";
    return nowMs - this.#keptMs < keepMsMin ? "drop" : "keep";
  }

  /** How long until the file is full at the present rate; a new copy may begin to flood any time. */
  get fullInMs(): number {
    if (this.#lookedMs - this.#bornMs < youngMs) return 0;
    return Math.max(0, this.#fileBytes - this.#sizeBefore) / this.#bytesPerMs;
  }

  /** A file was kept. Returns the event, at most one in 10 s. */
  kept(filesMax: number, nowMs: number): HostEvent | undefined {
    this.#keptMs = nowMs;
    this.#sizeBefore = 0;
    this.#rotationCount += 1;
    if (nowMs - this.#rotationToldMs < reportMsMin) return undefined;
    this.#rotationToldMs = nowMs;
    const rotationCount = this.#rotationCount;
    this.#rotationCount = 0;
    return {
      type: "log-rotated",
      instance: this.#instance,
      message: `The log of ${this.#instance} was rotated; ${filesMax} older files are kept.`,
      data: { rotationCount, fileMiB: this.#fileBytes / mebibyte, filesMax },
    };
  }

  dropped(byteCount: number, nowMs: number): void {
    this.#droppedMs = nowMs;
    this.#droppedBytes += byteCount;
    this.#sizeBefore = 0;
  }

  /** The event about dropped output that is due: at once, then every 10 s, and when it is over. */
  flood(nowMs: number): HostEvent | undefined {
    if (this.#droppedBytes === 0) return undefined;
    const isOver = nowMs - this.#droppedMs >= calmMs;
    if (!isOver && nowMs - this.#floodToldMs < reportMsMin) return undefined;
    const elapsedMs = Math.max(1, nowMs - this.#window.startMs);
    const mibPerSecond = (this.#window.byteCount / mebibyte / elapsedMs) * 1_000;
    const droppedMiB = this.#droppedBytes / mebibyte;
    this.#floodToldMs = nowMs;
    this.#droppedBytes = 0;
    this.#window = { startMs: nowMs, byteCount: 0 };
    return {
      type: "log-flooding",
      instance: this.#instance,
      message: `${this.#instance} prints ${mibPerSecond.toFixed(1)} MiB a second; ${droppedMiB.toFixed(1)} MiB of it were dropped. Print less, or raise log.fileMiB.`,
      data: { mibPerSecond, droppedMiB },
    };
  }
}
