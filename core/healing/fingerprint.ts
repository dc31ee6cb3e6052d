/**
 * Is this the same failure as before? Numbers, ids and paths differ from crash to crash; what stays
 * when they are replaced by slots is the template, and its hash is the fingerprint.
 */
import { mix32 } from "../kernel/index.ts";

/** The last words of a copy, found in the tail of its log. Both may be missing. */
export type Evidence = {
  /** The line that names the error. */
  readonly errorLine: string | undefined;
  /** The first stack frame below it. */
  readonly topFrame: string | undefined;
  /** Everything from the error line to the end: codes often stand in later lines. */
  readonly text: string;
};

export const noEvidence: Evidence = { errorLine: undefined, topFrame: undefined, text: "" };

const namedError = /^(?:\S* )?(?:\w+\.)*\w*(?:Error|Exception|Panic)\b.*[:[]/;
const anyError = /\b(?:error|fatal|panic|exception|cannot|could not|refused|denied|failed)\b/i;
const stackFrame = /^\s+at |^\s*File ".*", line \d+|^\s+from .*:\d+:in /;
const evidenceLengthMax = 4_000;
const lineLengthMax = 400;

/**
 * Finds the error in the last lines that a copy wrote: the last line that starts with the name of
 * an error, else the last that speaks of one, else the last that says anything.
 */
export function findEvidence(lines: readonly string[]): Evidence {
  const found =
    lastIndex(lines, (line) => namedError.test(line) && !stackFrame.test(line)) ??
    lastIndex(lines, (line) => anyError.test(line) && !stackFrame.test(line)) ??
    lastIndex(lines, (line) => line.trim() !== "");
  if (found === undefined) return noEvidence;
  const rest = lines.slice(found);
  return {
    errorLine: rest[0]?.trim().slice(0, lineLengthMax),
    topFrame: rest
      .find((line) => stackFrame.test(line))
      ?.trim()
      .slice(0, lineLengthMax),
    text: rest.join("\n").slice(0, evidenceLengthMax),
  };
}

function lastIndex(lines: readonly string[], fits: (line: string) => boolean): number | undefined {
  const index = lines.findLastIndex(fits);
  return index < 0 ? undefined : index;
}

/** Replaces what differs from one run to the next: ids, addresses, paths, quoted values, numbers. */
export function template(line: string): string {
  return line
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<id>")
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s'")]+/gi, "<url>")
    .replace(/(?:[A-Za-z]:)?(?:[\\/][\w.@+-]+){2,}/g, "<path>")
    .replace(/\b0x[0-9a-f]+\b/gi, "<id>")
    .replace(/\b(?=[0-9a-f]*[0-9])[0-9a-f]{8,}\b/gi, "<id>")
    .replace(/\d+(?:\.\d+)*/g, "<n>");
}

/** Eight hexadecimal digits that are equal for failures of the same kind. */
export function fingerprintOf(ending: string, evidence: Evidence): string {
  const { errorLine, topFrame } = evidence;
  const kind = [ending, template(errorLine ?? ""), template(topFrame ?? "")].join("\n");
  let hash = 0;
  for (let index = 0; index < kind.length; index++) {
    hash = mix32(hash ^ (kind.charCodeAt(index) + 0x9e3779b9));
  }
  return hash.toString(16).padStart(8, "0");
}
