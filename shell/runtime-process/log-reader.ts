/**
 * The lines of one instance: the last few, then, if wanted, everything that comes. A reader holds
 * one chunk and the beginning of one line; a slow reader that falls behind what rotation keeps is
 * told how much it missed.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { LogOptions } from "@prunella/runtime";
import type { InstanceLog } from "./instance-log.ts";

const pollMs = 50;
/** A longer line is given in pieces. */
const lineBytesMax = 64 * 1024;

/** @param isCurrent - False once the instance was forgotten: then following ends. */
export async function* readLog(
  log: InstanceLog,
  options: LogOptions,
  signal: AbortSignal,
  isCurrent: () => boolean,
): AsyncGenerator<string> {
  let offset = log.tailOffset(options.tailLines);
  // Without following there is an end, or a copy that floods its log would never let a reader go.
  const end = options.follow ? Number.POSITIVE_INFINITY : log.end;
  let partial = Buffer.alloc(0);
  while (!signal.aborted) {
    const chunk = log.read(offset);
    if (chunk.lost > 0)
      yield `[prunella] ${chunk.lost} bytes of log were dropped before they were read`;
    if (chunk.start !== offset && partial.length > 0) {
      yield text(partial); // Its end is gone.
      partial = Buffer.alloc(0);
    }
    const fresh = chunk.bytes.subarray(0, Math.max(0, end - chunk.start));
    offset = chunk.start + fresh.length;
    if (fresh.length === 0) {
      if (!options.follow || !isCurrent()) break;
      await delay(pollMs, undefined, { signal }).catch(() => undefined); // Aborted: the loop ends.
      continue;
    }
    await new Promise(setImmediate); // A long log must not hold up the loop that heals.
    const bytes = Buffer.concat([partial, fresh]);
    let start = 0;
    for (;;) {
      const newline = bytes.indexOf(0x0a, start);
      if (newline === -1) break;
      yield text(bytes.subarray(start, newline));
      if (signal.aborted) return;
      start = newline + 1;
    }
    partial = Buffer.from(bytes.subarray(start));
    if (partial.length >= lineBytesMax) {
      yield text(partial);
      partial = Buffer.alloc(0);
    }
  }
  if (partial.length > 0 && !signal.aborted) yield text(partial);
}

function text(bytes: Buffer): string {
  return bytes.toString("utf8");
}

/** Looks whether the last copy said, with its last lines, that its port is in use. */
export function sawPortTaken(log: InstanceLog): boolean {
  const chunk = log.read(log.tailOffset(60)).bytes.toString("latin1");
  const ofLastCopy = chunk.slice(chunk.lastIndexOf("\n[prunella] ") + 1);
  return /EADDRINUSE|address already in use/i.test(ofLastCopy);
}
