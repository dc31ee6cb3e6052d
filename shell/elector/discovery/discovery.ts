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
  /** Why the last leadership ended; `start` when there was none. With `none`: why this one has. */
  readonly why?: HistoryRow["why"] | "start";
  /** The term of the last leadership: all of the following is about its end. */
  readonly after?: number | undefined;
  readonly proof?: HistoryRow["proof"];
  readonly detectMs?: HistoryRow["detectMs"];
  readonly electMs?: HistoryRow["electMs"];
  /** When it was elected, on the clock of `performance.now`. */
  readonly electedAtMs?: number;
};

export interface Discovery {
  /** For messages. */
  readonly name: string;

  /** Ends only with `signal`; reconnects by itself and never throws for a source that is away. */
  watch(signal: AbortSignal): AsyncIterable<DiscoveryNews>;

  /**
   * Takes what this member says about its leadership. The newest word counts. Resolves when the outside
   * has taken it, and never when a newer word came first.
   */
  report?(report: LeaderReport): Promise<void>;
}
