/**
 * Where a member learns who the others are, besides the list that it was started with. All sources are
 * level-triggered: each piece of news is the whole list, and a lost one costs latency.
 */
import type { HistoryRow } from "@prunella/core/election";
import type { MemberOption } from "../options.ts";

export type DiscoveryNews =
  /** All members. `mayVote` is false for sources that tell addresses and nothing about votes. */
  | {
      readonly type: "members";
      readonly members: readonly MemberOption[];
      readonly mayVote: boolean;
    }
  /** Proof that a process has ended: told by who started it. */
  | {
      readonly type: "exit";
      readonly id: string;
      readonly incarnation: number;
      readonly pid: number;
    };

/** What this member says about itself when it leads, hands over or has stopped. */
export type LeaderReport = {
  readonly id: string;
  readonly incarnation: number;
  readonly term: number;
  readonly state: "leading" | "handing-over" | "none";
  readonly why?: string | undefined;
  readonly detectMs?: HistoryRow["detectMs"];
  readonly electMs?: HistoryRow["electMs"];
};

export interface Discovery {
  /** For messages. */
  readonly name: string;

  /** Ends only with `signal`; reconnects by itself and never throws for a source that is away. */
  watch(signal: AbortSignal): AsyncIterable<DiscoveryNews>;

  /** Takes what this member says about its leadership. The newest word counts. */
  report?(report: LeaderReport): void;
}
