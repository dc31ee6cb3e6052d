/**
 * Who takes part in an election, and who would be preferred.
 *
 * A member has a stable name; a boot is one life of it, drawn at random when the process starts. Both
 * together identify a process, so a restart is never mistaken for the process before it. Voters
 * decide; observers only follow. Voters change one at a time (membership.ts), and each set of them
 * carries the term of the leader that signed it: two leaders that change the set at once make two
 * different stamps, of which everybody prefers the one of the later term.
 */
import type { MemberId } from "../kernel/index.ts";

/** One process: a name and one life of it. A shell may build the boot from an incarnation. */
export type Identity = { readonly member: MemberId; readonly boot: string };

export type Member = {
  readonly id: MemberId;
  /** Unique and below 65,536, for all members or for none: it makes tokens of `available` short. */
  readonly number?: number | undefined;
  /** Higher is preferred. */
  readonly priority: number;
};

/** Says which set of voters a member knows. Later term wins, then the higher version. */
export type VotersStamp = { readonly term: number; readonly version: number };

export type Voters = VotersStamp & { readonly members: readonly Member[] };

/** At most 7 voters decide; whoever has more members makes the others observers. */
export const votersMax = 7;
/** All members together, voters and observers. */
export const membersMax = 1_024;
/** Numbers of members fit into 16 bits of a token. */
export const memberNumberMax = 65_535;
export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/** Negative when `a` is older than `b`. */
export function compareStamps(a: VotersStamp, b: VotersStamp): number {
  return a.term - b.term || a.version - b.version;
}

export function stampOf({ term, version }: Voters): VotersStamp {
  return { term, version };
}

export function isSame(a: Identity | undefined, b: Identity | undefined): boolean {
  return a !== undefined && b !== undefined && a.member === b.member && a.boot === b.boot;
}

/**
 * Compares what does not change from minute to minute: freshness of the data a member holds, its
 * priority, its number, its name. Positive when `a` is preferred. Names break every tie.
 */
export function compareRank(a: Ranked, b: Ranked): number {
  return (
    (a.stateVersion ?? 0) - (b.stateVersion ?? 0) ||
    a.priority - b.priority ||
    (a.number ?? -1) - (b.number ?? -1) ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}

/** `stateVersion` lets a database prefer the replica that has seen most; undefined counts as 0. */
export type Ranked = Member & { readonly stateVersion?: number | undefined };
