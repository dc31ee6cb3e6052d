/**
 * What the operating system says about a file, in our words. Every other file of this package sends
 * foreign errors through here once, so that a full disk is always `DISK_FULL` and the message says
 * which path it was and what a person can do.
 */
import { ClusterError } from "@prunella/core/kernel";

const fullCodes = new Set(["ENOSPC", "EDQUOT"]);

/** The `code` of a system error, for example `ENOENT`; undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** True when the reason is a disk, or a quota, without room. */
export function isDiskFull(error: unknown): boolean {
  return ClusterError.is(error, "DISK_FULL") || fullCodes.has(systemCode(error) ?? "");
}

/** Translates a failed access to `path`; `doing` completes the sentence "Cannot ...". */
export function storageError(error: unknown, path: string, doing: string): ClusterError {
  if (ClusterError.is(error)) return error;
  const code = systemCode(error) ?? "unknown";
  const details = { path, code };
  if (isDiskFull(error)) {
    return new ClusterError("DISK_FULL", {
      message: `Cannot ${doing} ${path}: the disk is full. Free some space; nothing else is needed.`,
      details,
      cause: error,
    });
  }
  return new ClusterError("STATE_REFUSED", {
    message: `Cannot ${doing} ${path}: ${explanations[code] ?? code}`,
    details,
    cause: error,
  });
}

const explanations: Readonly<Record<string, string>> = {
  EACCES: "permission denied (EACCES). Give it to the user who runs the cluster, or use --state.",
  EPERM: "not permitted (EPERM). Give it to the user who runs the cluster, or use --state.",
  EROFS: "the file system is read-only (EROFS). Choose another folder with --state.",
  ENOTDIR: "a part of the path is a file (ENOTDIR). Remove that file, or use --state.",
  EISDIR: "a folder is in the way (EISDIR). Remove it.",
  EIO: "the disk reports an error (EIO). Check the disk before anything else.",
  EMFILE: "too many files are open (EMFILE). Raise the limit: ulimit -n 4096.",
  ENOENT: "a part of the path does not exist (ENOENT). Create it, or use --state.",
};
