/** Who led when, and why it changed, in words for the page. */
import type { Election } from "prunella/election";

type Row = ReturnType<Election["history"]>[number];

export type PastLeader = {
  readonly term: number;
  readonly leader: string;
  /** When it began to lead, ISO 8601. */
  readonly from: string;
  readonly why: string;
  /** From the proof that the leader before had ended, else from its last sign of life; null: unknown. */
  readonly tookMs: number | null;
};

const shownMax = 20;

/** Newest first. */
export function pastLeaders(history: readonly Row[]): readonly PastLeader[] {
  return history
    .map((row, index) => pastLeader(row, history[index - 1]))
    .reverse()
    .slice(0, shownMax);
}

/** How a leadership ended is written in its own row; how long the change took as well. */
function pastLeader(row: Row, before: Row | undefined): PastLeader {
  const { detectMs = 0, electMs, proof } = before ?? {};
  const silentMs = proof === undefined ? detectMs : 0;
  return {
    term: row.term,
    leader: row.leader.member,
    from: new Date(row.fromMs).toISOString(),
    why: before === undefined ? "nobody had led before" : endOf(before),
    tookMs: electMs === undefined ? null : silentMs + electMs,
  };
}

function endOf({ leader, why }: Row): string {
  if (why === undefined) return `nobody saw how ${leader.member} ended`;
  const known: Partial<Record<typeof why, string>> = {
    crash: `${leader.member} died`,
    silence: `${leader.member} went silent`,
    resign: `${leader.member} handed over`,
    preempted: `${leader.member} was asked to hand over`,
    stalled: `${leader.member} was not run for a while`,
  };
  return known[why] ?? `${leader.member} stopped: ${why}`;
}
