/**
 * Memory of past leaders: who led, until when, why it ended, and how long the change took. It ranks
 * successors and explains; it never replaces a vote. The next leader writes the row, everybody else
 * takes it over. Times of day are for people and for how much a loss still weighs, nothing else.
 */
import type { Identity } from "./member.ts";
import type { Proof } from "./message.ts";

export type EndOfLeadership =
  | "crash"
  | "silence"
  | "resign"
  | "preempted"
  | "lease"
  | "merge"
  | "stalled"
  | "unhealthy"
  | "fence"
  | "higher-term"
  | "arbiter"
  | "duplicate";

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
