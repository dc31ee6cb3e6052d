/**
 * What a voter must not forget. The shell keeps one such record in a file with a checksum, and hands
 * back the last one that was written completely when the process starts again.
 */
import type { HistoryRow } from "./history.ts";
import type { Identity, Member, Voters } from "./member.ts";

export type DurableRecord = {
  /** No vote for, and no obedience to, any lower term: it never falls (S7). */
  readonly promised: number;
  /** The one process that has this voter's vote in the term `promised`. */
  readonly votedFor: Identity | undefined;
  readonly voters: Voters;
  /** The last 64 leaderships, oldest first. */
  readonly history: readonly HistoryRow[];
};

/** The record of a voter that has never voted: what the shell writes into an empty folder. */
export function freshRecord(voters: readonly Member[]): DurableRecord {
  return {
    promised: 0,
    votedFor: undefined,
    voters: { term: 0, version: 1, members: voters },
    history: [],
  };
}
