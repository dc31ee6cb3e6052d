/**
 * Is there room for the state folder? Full is said once, and over is said once it has been over for
 * a while; a disk that is filled again and again makes that while longer, so it cannot chatter.
 */
import { statfsSync } from "node:fs";

const mebibyte = 1024 * 1024;
const lowShare = 0.05;
const lowBytesMin = 16 * 1024;
const lowBytesMax = 4 * mebibyte;
const settleMsMin = 1_000;
const settleMsMax = 60_000;

export class DiskSpace {
  readonly #folder: string;
  #full = false;
  #roomSinceMs: number | undefined;
  #settleMs = settleMsMin;
  #recoveredMs = Number.NEGATIVE_INFINITY;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get isFull(): boolean {
    return this.#full;
  }

  get freeBytes(): number {
    return measure(this.#folder).freeBytes;
  }

  /** Room enough to end the state of being full: twice what begins it. */
  get hasRoom(): boolean {
    const { freeBytes, lowBytes } = measure(this.#folder);
    return freeBytes >= 2 * lowBytes;
  }

  /** Returns what has just become true, if anything. `refused`: a write has just failed. */
  look(nowMs: number, refused: boolean): "full" | "recovered" | undefined {
    const { freeBytes, lowBytes } = measure(this.#folder);
    if (refused || freeBytes < lowBytes) {
      this.#roomSinceMs = undefined;
      if (this.#full) return undefined;
      this.#full = true;
      const isAgain = nowMs - this.#recoveredMs < settleMsMax;
      this.#settleMs = isAgain ? Math.min(this.#settleMs * 2, settleMsMax) : settleMsMin;
      return "full";
    }
    if (!this.#full || freeBytes < 2 * lowBytes) return undefined;
    this.#roomSinceMs ??= nowMs;
    if (nowMs - this.#roomSinceMs < this.#settleMs) return undefined;
    this.#full = false;
    this.#recoveredMs = nowMs;
    return "recovered";
  }
}

/** A folder that cannot be measured (somebody removed it) is not full; writing there will tell. */
function measure(folder: string): { readonly freeBytes: number; readonly lowBytes: number } {
  try {
    const { bavail, bfree, blocks, bsize } = statfsSync(folder);
    return {
      freeBytes: bsize * (process.getuid?.() === 0 ? bfree : bavail), // A part is root's alone.
      lowBytes: Math.min(Math.max(blocks * bsize * lowShare, lowBytesMin), lowBytesMax),
    };
  } catch {
    return { freeBytes: Number.POSITIVE_INFINITY, lowBytes: lowBytesMax };
  }
}
