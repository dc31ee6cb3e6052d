/**
 * What members say to each other. A message may be answered once; an answer repeats what it answers
 * (the attempt or round, the term, and the boot of whoever asked), because a reply that is late, or
 * that was meant for an earlier life of the process, must change nothing (S6).
 *
 * The shell adds the envelope: cluster, addressee, sequence number, signature. All of it is JSON.
 */
import type { MemberId } from "../kernel/index.ts";
import type { EndOfLeadership, HistoryRow } from "./history.ts";
import type { Identity, Voters, VotersStamp } from "./member.ts";

/** One leadership: who, and in which term. */
export type LeaderRef = Identity & { readonly term: number };

/** Why somebody believes that there is no leader any more, weakest first. */
export type Reason = "cold-start" | "silence" | "refused" | "resigned" | "exited" | "asked";

/**
 * Proof that a leadership has ended. `exited`: the process is gone, with every term that it ever had.
 * `resigned`: this boot leads neither this term nor an earlier one any more, and never will again.
 */
export type Proof = LeaderRef & { readonly how: "exited" | "resigned" };

export type Message =
  /** Pre-vote: would you let me? Costs no term. Answered by `ok`, `defer` or `live`. */
  | {
      readonly kind: "inquire";
      readonly attempt: number;
      /** The highest term that the asker has heard of. */
      readonly term: number;
      readonly reason: Reason;
      readonly proof?: Proof | undefined;
      readonly voters: VotersStamp;
      readonly stateVersion?: number | undefined;
      /** It has waited for a better member before, in vain. */
      readonly hasDeferred?: boolean | undefined;
    }
  /** Answered by `grant` or `deny`. */
  | {
      readonly kind: "vote";
      readonly attempt: number;
      readonly term: number;
      readonly proof?: Proof | undefined;
      /** Voters that saw the old leader refuse a connection; counts with `leaseBreak: refused`. */
      readonly refusedBy: readonly MemberId[];
      readonly refused?: LeaderRef | undefined;
      readonly voters: VotersStamp;
      /** A nomination by the old leader is a reason of its own and a proof that it resigned. */
      readonly reason: Reason;
    }
  /**
   * Announcement and heartbeat in one. Answered by `ack` (voters; observers stay silent) or `reject`.
   * `leader` is not the sender when a voter passes it on to an observer.
   */
  | {
      readonly kind: "announce";
      readonly leader: Identity;
      readonly term: number;
      readonly token: string;
      readonly seq: number;
      /** The leader's own clock; means something to nobody else. */
      readonly sentAtMs: number;
      readonly phase: LeaderPhase;
      /** Who should try next, in this order; at most 16. */
      readonly successors: readonly MemberId[];
      /** Members that acknowledged lately, the leader included. */
      readonly viewSize: number;
      /** The last 8 leaderships. */
      readonly history: readonly HistoryRow[];
      readonly voters: Voters;
      /** Observers that the receiver is asked to pass this on to. */
      readonly relayTo?: readonly MemberId[] | undefined;
    }
  /** The leader has ended this term itself; or a candidate gives one up. Answered by `noted`. */
  | {
      readonly kind: "resign";
      readonly leader: Identity;
      readonly term: number;
      /** Why the leadership ended; undefined for a candidate, who has none. */
      readonly why?: EndOfLeadership | undefined;
      /** Whoever was nominated: the others give it time. */
      readonly successor?: MemberId | undefined;
    }
  /** To the successor: open your pools, warm your caches. Answered by `ready` or `unready`. */
  | { readonly kind: "prepare"; readonly term: number }
  /** The leader has left and wants the receiver to lead: no inquiry is needed. Answered by `noted`. */
  | {
      readonly kind: "nominate";
      readonly leader: Identity;
      readonly term: number;
      readonly why?: EndOfLeadership | undefined;
    }
  /** From a better member to the leader: I could take over. Answered by `accepted` or `busy`. */
  | {
      readonly kind: "relieve";
      readonly term: number;
      /** A person asked for it: being busy is no excuse. */
      readonly isForced: boolean;
    }
  /** From a voter that lost its memory. Answered by `recalled`. */
  | { readonly kind: "recall"; readonly nonce: number };

/** What a leadership is doing; a gateway sends requests in `leading` only. */
export type LeaderPhase = "fencing" | "leading" | "handing-over";

export type DenyReason =
  | "term" // A higher or another vote was promised.
  | "sticky" // A leader is heard, or was heard too recently.
  | "quarantine" // Just started: it may have granted a lease before.
  | "recovering" // Lost its memory.
  | "voters" // The asker knows an older set of voters, which is in the answer.
  | "not-a-voter";

type AnswerBody =
  | {
      readonly kind: "ok";
      readonly attempt: number;
      readonly term: number;
      /** How long it would still refuse its vote; 0 when it would grant it now. */
      readonly refusesForMs: number;
      /** It saw the suspect refuse a connection. */
      readonly sawRefused: boolean;
    }
  /** I am to be preferred and will try myself. */
  | { readonly kind: "defer"; readonly attempt: number; readonly term: number }
  /** There is a leader: heard `ageMs` ago, by me. */
  | {
      readonly kind: "live";
      readonly attempt: number;
      readonly term: number;
      readonly leader: LeaderRef;
      readonly ageMs: number;
    }
  | { readonly kind: "grant"; readonly attempt: number; readonly term: number }
  | {
      readonly kind: "deny";
      readonly attempt: number;
      readonly term: number;
      readonly promised: number;
      readonly why: DenyReason;
      readonly voters?: Voters | undefined;
    }
  | {
      readonly kind: "ack";
      readonly term: number;
      readonly seq: number;
      readonly voters: VotersStamp;
      readonly stateVersion?: number | undefined;
    }
  /** `leader`: whom the receiver follows instead; `viewSize`: of that one, as it was announced. */
  | {
      readonly kind: "reject";
      readonly term: number;
      readonly seq: number;
      readonly promised: number;
      readonly leader?: LeaderRef | undefined;
      readonly viewSize?: number | undefined;
    }
  | { readonly kind: "noted"; readonly term: number }
  | { readonly kind: "ready" | "unready"; readonly term: number }
  | { readonly kind: "accepted" | "busy"; readonly term: number }
  | {
      readonly kind: "recalled";
      readonly nonce: number;
      readonly promised: number;
      readonly isRecovering: boolean;
      readonly voters: Voters;
    };

export type Answer = AnswerBody & {
  /** The boot of the process that asked. */
  readonly forBoot: string;
  /** Two processes use the asker's name: both must refuse to lead. */
  readonly hasDouble?: boolean | undefined;
};
