/**
 * How many client connections the file-descriptor limit of this process leaves room for. Beyond it
 * the system refuses to accept, and nobody is told why; so the gateway stops before it gets there.
 */
import { readFileSync } from "node:fs";

/** For listeners, the admin listener, logs, the view, and upstream connections that are idle. */
const reservedCount = 256;
/** A limit below the reserve still lets somebody in. */
const connectionsMin = 16;

/** The soft limit now; undefined where the system does not say (no `/proc`) or has no limit. */
export function openFilesLimit(): number | undefined {
  try {
    return openFilesOf(readFileSync("/proc/self/limits", "utf8"));
  } catch {
    return undefined; // Another system than Linux.
  }
}

/** Reads the soft limit out of the text of `/proc/PID/limits`. */
export function openFilesOf(limits: string): number | undefined {
  const digits = /^Max open files +(\d+) /m.exec(limits)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * Each client may need a member's connection of its own, so half of what is left is for clients; more
 * than half when the members together take fewer connections than that.
 *
 * @param upstreamsMax - Connections that all members together may get.
 */
export function connectionsWithin(
  openFilesMax: number | undefined,
  upstreamsMax: number = Number.POSITIVE_INFINITY,
): number {
  if (openFilesMax === undefined) return Number.POSITIVE_INFINITY;
  const left = openFilesMax - reservedCount;
  return Math.max(connectionsMin, Math.floor(left / 2), left - upstreamsMax);
}
