/**
 * Everything one member knows. It is one readonly value that survives `JSON.stringify`, so a run can
 * be stored, replayed and compared. Each collection has a bound, given where it is declared.
 */
import type { MemberId, Rng, Step } from "../kernel/index.ts";
import type { ElectionConfig } from "./config.ts";
import type { DurableRecord } from "./durable-record.ts";
import type { Effect } from "./effect.ts";
import type { VersionedRecord } from "./event.ts";
import type { EndOfLeadership } from "./history.ts";
import type { Identity, Member, Voters } from "./member.ts";
import type { LeaderPhase, LeaderRef, Proof, Reason } from "./message.ts";

/**
 * Whom this member is bound to. While the bond holds it grants nobody else a vote: the stickiness on
 * which leases rest. A granted vote binds as much as a heartbeat.
 */
export type Bond = LeaderRef & {
  readonly heardAtMs: number;
  /** False after a mere grant: nobody has announced this term yet. */
  readonly isAnnounced: boolean;
  readonly viewSize: number;
  readonly phase: LeaderPhase;
};

export type Suspicion = {
  readonly reason: Reason;
  /** When this member will inquire, unless it hears better before. */
  readonly startAtMs: number;
};

/** What voters said to an inquiry. */
export type InquiryAnswer = { readonly refusesForMs: number; readonly sawRefused: boolean };

type Attempt = { readonly attempt: number; readonly reason: Reason };

export type Leading = {
  readonly at: "leader";
  readonly term: number;
  readonly token: string;
  readonly phase: LeaderPhase;
  readonly sinceMs: number;
  readonly leaseUntilMs: number;
  readonly seq: number;
  /** The last 16 rounds: an acknowledgement counts from when its round was sent. */
  readonly rounds: readonly { readonly seq: number; readonly sentAtMs: number }[];
  /** Per member, when the latest round that it acknowledged was sent. */
  readonly acked: Readonly<Record<MemberId, number>>;
  readonly nextRoundMs: number;
  readonly handover: Handover | undefined;
  /** The voters before the current ones, until the current ones are agreed on. */
  readonly pending:
    | { readonly previous: Voters; readonly ackedBy: readonly MemberId[] }
    | undefined;
  /** `arbiter`: the version of our record, and the question that is under way. */
  readonly lease: RecordLease | undefined;
};

export type Handover = {
  readonly to: MemberId | undefined;
  /** Those who were asked and could not. */
  readonly passed: readonly MemberId[];
  readonly stage: "preparing" | "draining";
  readonly untilMs: number;
  readonly drainMs: number;
  readonly why: EndOfLeadership;
};

export type RecordLease = {
  readonly version: string | undefined;
  readonly renewAtMs: number;
  readonly ask: Ask | undefined;
};

export type Ask = {
  readonly id: number;
  readonly kind: "read" | "swap";
  readonly sentAtMs: number;
};

export type Role =
  | { readonly at: "follower" }
  /** A voter without memory, asking the others what it has forgotten. */
  | {
      readonly at: "recovering";
      readonly nonce: number;
      readonly askAtMs: number;
      readonly answers: Readonly<Record<MemberId, number>>;
    }
  | (Attempt & {
      readonly at: "inquiring";
      readonly sentAtMs: number;
      readonly answers: Readonly<Record<MemberId, InquiryAnswer>>;
    })
  /** Enough others agree, and will be free to grant their votes at that time. */
  | (Attempt & {
      readonly at: "armed";
      readonly voteAtMs: number;
      readonly refusedBy: readonly MemberId[];
    })
  /** A better member wants to try. */
  | (Attempt & { readonly at: "deferring"; readonly untilMs: number })
  | (Attempt & {
      readonly at: "candidate";
      readonly term: number;
      /** Undefined until others are asked; `available` asks nobody. */
      readonly sentAtMs: number | undefined;
      /** Votes that are on disk, the own one too. */
      readonly grants: readonly MemberId[];
      readonly denials: readonly MemberId[];
      readonly refusedBy: readonly MemberId[];
    })
  /** `arbiter`: reads the record, waits until it is free, writes it. */
  | (Attempt & {
      readonly at: "seeking";
      readonly ask: Ask | undefined;
      readonly untilMs: number;
      readonly term: number;
    })
  | Leading;

/** Kept back until a record is on disk; looked at again before it leaves. */
export type Held = { readonly writeId: number } & (
  | {
      readonly kind: "grant";
      readonly requestId: string;
      readonly candidate: Identity;
      readonly attempt: number;
      readonly term: number;
    }
  | {
      readonly kind: "ack";
      readonly requestId: string;
      readonly leader: LeaderRef;
      readonly seq: number;
    }
  | { readonly kind: "own-vote" | "claim"; readonly attempt: number; readonly term: number }
);

export type Peer = {
  readonly boot: string;
  /** Earlier lives of that name, newest first; at most 4. */
  readonly formerBoots: readonly string[];
  /** When an earlier life was first heard after this one began. */
  readonly doubledSinceMs: number | undefined;
  readonly doubledUntilMs: number;
  readonly isOpen: boolean;
  readonly heardAtMs: number;
  readonly stateVersion: number | undefined;
};

export type App = {
  readonly isHealthy: boolean;
  readonly isStuck: boolean;
  readonly isBusy: boolean;
  readonly stateVersion: number | undefined;
  /** Since when it is healthy and not stuck. */
  readonly wellSinceMs: number;
};

/** The end of the last leadership, as this member saw it. */
export type Loss = {
  readonly of: LeaderRef | undefined;
  readonly heardAtMs: number;
  /** How many members, that leader included, its last heartbeat said were with it; 0 if there was none. */
  readonly viewSize: number;
  readonly suspectedAtMs: number;
  readonly reason: Reason;
};

export type State = {
  readonly config: ElectionConfig;
  readonly rng: Rng;
  readonly startedAtMs: number;
  /** The time of day at `startedAtMs`; never read again. */
  readonly startedWallMs: number;
  readonly nowMs: number;
  /** As decided; on disk from the moment when `writtenId` has reached `writeId`. */
  readonly record: DurableRecord;
  readonly writeId: number;
  readonly writtenId: number;
  readonly held: readonly Held[]; // At most 64.
  /** The highest term that was ever heard of. */
  readonly seen: number;
  readonly attempt: number;
  readonly askId: number;
  readonly role: Role;
  readonly bond: Bond | undefined;
  readonly suspicion: Suspicion | undefined;
  readonly loss: Loss | undefined;
  readonly proofs: readonly Proof[]; // At most 16.
  /** The leader whose own address refused a connection. */
  readonly refused: LeaderRef | undefined;
  /** The order that the last leader gave; at most 16. */
  readonly successors: readonly MemberId[];
  readonly quarantineUntilMs: number;
  readonly humbleUntilMs: number;
  /** No new attempt before: back-off. */
  readonly holdUntilMs: number;
  readonly failureCount: number;
  /** It was late itself: whatever it did not hear until then proves nothing. */
  readonly doubtUntilMs: number;
  /** Gaps between heartbeats: moving mean and variance. */
  readonly gaps: { readonly meanMs: number; readonly varianceMs2: number };
  readonly peers: Readonly<Record<MemberId, Peer>>; // At most `membersMax`.
  /** Another process uses this name: it must not lead until then. */
  readonly doubleUntilMs: number;
  readonly observers: readonly Member[];
  readonly wantedVoters: readonly Member[] | undefined;
  readonly app: App;
  /** When it may ask the leader to be allowed to take over. */
  readonly relieveAtMs: number;
  readonly askedReliefMs: number;
  /** The leader waits for the application to be ready. */
  readonly preparing:
    | { readonly requestId: string; readonly boot: string; readonly term: number }
    | undefined;
  /** `arbiter`: the record as last seen, and since when it has not changed. */
  readonly observed: (VersionedRecord & { readonly sinceMs: number }) | undefined;
};

export type Decision = Step<State, Effect>;

export function stay(state: State, ...effects: readonly Effect[]): Decision {
  return { state, effects };
}

/** Goes on with the state that a decision leaves; effects keep their order. */
export function and(decision: Decision, next: (state: State) => Decision): Decision {
  const { state, effects } = next(decision.state);
  return { state, effects: [...decision.effects, ...effects] };
}

export function selfOf({ config }: State): Identity {
  return { member: config.self, boot: config.boot };
}

/** The time of day by this process's own monotonic clock: for people and for seeding terms. */
export function wallMs(state: State, atMs = state.nowMs): number {
  return Math.round(state.startedWallMs + atMs - state.startedAtMs);
}
