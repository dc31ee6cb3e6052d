/**
 * Memory of past leaders: who led, until when, why it ended, and how long the change took. It ranks
 * successors and explains; it never replaces a vote. The next leader writes the row, everybody else
 * takes it over. Times of day are for people and for how much a loss still weighs, nothing else.
 */
import type { Identity } from "./member.ts";
import type { Proof } from "./message.ts";

export const endsOfLeadership = [
  "crash",
  "silence",
  "resign",
  "preempted",
  "lease",
  "merge",
  "stalled",
  "unhealthy",
  "fence",
  "higher-term",
  "arbiter",
  "duplicate",
] as const;
export type EndOfLeadership = (typeof endsOfLeadership)[number];

export type HistoryRow = {
  readonly term: number;
  readonly leader: Identity;
  /** Milliseconds since 1970, by the clock of whoever wrote the row. */
  readonly fromMs: number;
  /** Undefined while it leads. */
  readonly toMs?: number | undefined;
  readonly why?: EndOfLeadership | undefined;
  /** From the last sign of life to the suspicion. */
  readonly detectMs?: number | undefined;
  /** From the suspicion to the next leader. */
  readonly electMs?: number | undefined;
  /** From there until requests reach it. */
  readonly exposeMs?: number | undefined;
  readonly proof?: Proof["how"] | undefined;
};
const historyRowsMax = 64;
const historyTailMax = 8;

/** Rows of `news` replace rows of the same term; the oldest go. */
export function mergeHistory(
  known: readonly HistoryRow[],
  news: readonly HistoryRow[],
): readonly HistoryRow[] {
  if (news.every((row) => known.some((old) => isEqual(old, row)))) return known;
  const newTerms = new Set(news.map(({ term }) => term));
  return [...known.filter(({ term }) => !newTerms.has(term)), ...news]
    .sort((a, b) => a.term - b.term)
    .slice(-historyRowsMax);
}

export function historyTail(rows: readonly HistoryRow[]): readonly HistoryRow[] {
  return rows.slice(-historyTailMax);
}

function isEqual(a: HistoryRow, b: HistoryRow): boolean {
  return (
    a.term === b.term &&
    a.leader.boot === b.leader.boot &&
    a.toMs === b.toMs &&
    a.why === b.why &&
    a.detectMs === b.detectMs &&
    a.electMs === b.electMs &&
    a.exposeMs === b.exposeMs
  );
}
