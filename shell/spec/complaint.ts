/**
 * A complaint: one thing that is wrong with a cluster definition, told by its path. `problem.ts` adds
 * file, line and column; the agent, which gets definitions without a file, shows it as it is.
 */
import { ClusterError } from "@prunella/core/kernel";

export type Path = readonly (string | number)[];

export type Complaint = {
  readonly path: Path;
  /** What a marker should point at: the name of the field, or what was written for it. */
  readonly at: "key" | "value";
  readonly code: "CONFIG_INVALID" | "NOT_YET";
  /** Continues a sentence that begins with the path, for example `must be a whole number`. */
  readonly message: string;
  /** What to do, as an order: `write 3 without quotes`. */
  readonly fix: string;
};

/** A complaint about a setting that is wrong. */
export function configComplaint(
  path: Path,
  message: string,
  fix: string,
  at: Complaint["at"] = "value",
): Complaint {
  return { path, at, code: "CONFIG_INVALID", message, fix };
}

/** A person fixes some and runs again; more would only scroll the first ones away. */
export const complaintsMax = 100;

/** `services.hello.route[1]`, as people write it. The empty path is "the cluster file". */
export function pathText(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (!/^[A-Za-z0-9_-]+$/.test(part)) text += `[${shown(part)}]`;
    else text += text === "" ? part : `.${part}`;
  }
  return text === "" ? "the cluster file" : text;
}

/** The complaint as one sentence pair: what is wrong, how to fix it. */
export function complaintText(complaint: Complaint): string {
  const end = complaint.fix.endsWith("?") ? "" : ".";
  return `${pathText(complaint.path)} ${complaint.message}; ${complaint.fix}${end}`;
}

const shownLengthMax = 40;

/** What was written, short enough for one line and with nothing that a terminal would obey. */
export function shown(value: unknown): string {
  if (typeof value === "string") {
    const text = value.length > shownLengthMax ? `${value.slice(0, shownLengthMax)}...` : value;
    return JSON.stringify(text).replace(/\p{C}/gu, "?");
  }
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return value === null ? "nothing" : "an object";
  return String(value).slice(0, shownLengthMax);
}

/** All complaints as one operating error, for callers that have no file to point into. */
export function complaintError(complaints: readonly Complaint[]): ClusterError {
  return new ClusterError(errorCode(complaints), {
    message: complaints.map(complaintText).join("\n"),
    details: { complaints },
  });
}

/** `NOT_YET` only if nothing else is wrong: whoever asks for tomorrow's feature made no mistake. */
export function errorCode(
  complaints: readonly Pick<Complaint, "code">[],
): "CONFIG_INVALID" | "NOT_YET" {
  const waits = complaints.length > 0 && complaints.every(({ code }) => code === "NOT_YET");
  return waits ? "NOT_YET" : "CONFIG_INVALID";
}
