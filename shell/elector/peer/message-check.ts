/**
 * What each message and each answer of the machine looks like on the wire, and its bounds. The types of
 * the machine are the source: `Check<T>` of `shape.ts` refuses to compile when the two differ.
 */
import {
  type Answer,
  endsOfLeadership,
  type HistoryRow,
  type Identity,
  type LeaderRef,
  type Member,
  type Message,
  type Proof,
  type Voters,
  type VotersStamp,
} from "@prunella/core/election";
import type { MemberId } from "@prunella/core/kernel";
import {
  amount,
  type Check,
  count,
  flag,
  kinds,
  listOf,
  maybe,
  object,
  oneOf,
  text,
} from "./shape.ts";

const membersMax = 16;
const observersMax = 1_024;
const successorsMax = 16;
const historyRowsMax = 8;

/** Any text: whether somebody has that name is for the machine to say. */
const memberId: Check<MemberId> = (value, at) => text(value, at);
const identity = object<Identity>({ member: memberId, boot: text });
const leaderRef = object<LeaderRef>({ member: memberId, boot: text, term: count });
const stamp = object<VotersStamp>({ term: count, version: count });
const member = object<Member>({ id: memberId, number: maybe(count), priority: amount });
const voters = object<Voters>({
  term: count,
  version: count,
  members: listOf(member, membersMax),
});
const reason = oneOf("cold-start", "silence", "refused", "resigned", "exited", "asked");
const proofKind = oneOf("exited", "resigned");
const proof = object<Proof>({ member: memberId, boot: text, term: count, how: proofKind });
const endOfLeadership = maybe(oneOf(...endsOfLeadership));
const row = object<HistoryRow>({
  term: count,
  leader: identity,
  fromMs: amount,
  toMs: maybe(amount),
  why: endOfLeadership,
  detectMs: maybe(amount),
  electMs: maybe(amount),
  exposeMs: maybe(amount),
  proof: maybe(proofKind),
});

export const messageCheck = kinds<Message>({
  inquire: {
    attempt: count,
    term: count,
    reason,
    proof: maybe(proof),
    voters: stamp,
    stateVersion: maybe(amount),
    hasDeferred: maybe(flag),
  },
  vote: {
    attempt: count,
    term: count,
    proof: maybe(proof),
    refusedBy: listOf(memberId, membersMax),
    refused: maybe(leaderRef),
    voters: stamp,
    reason,
  },
  announce: {
    leader: identity,
    term: count,
    token: text,
    seq: count,
    sentAtMs: amount,
    phase: oneOf("fencing", "leading", "handing-over"),
    successors: listOf(memberId, successorsMax),
    viewSize: count,
    history: listOf(row, historyRowsMax),
    voters,
    relayTo: maybe(listOf(memberId, observersMax)),
  },
  resign: { leader: identity, term: count, why: endOfLeadership, successor: maybe(memberId) },
  prepare: { term: count },
  nominate: { leader: identity, term: count, why: endOfLeadership },
  relieve: { term: count, isForced: flag },
  recall: { nonce: amount },
});

const common = { forBoot: text, hasDouble: maybe(flag) };

export const answerCheck = kinds<Answer>({
  ok: { ...common, attempt: count, term: count, refusesForMs: amount, sawRefused: flag },
  defer: { ...common, attempt: count, term: count },
  live: { ...common, attempt: count, term: count, leader: leaderRef, ageMs: amount },
  grant: { ...common, attempt: count, term: count },
  deny: {
    ...common,
    attempt: count,
    term: count,
    promised: count,
    why: oneOf("term", "sticky", "quarantine", "recovering", "voters", "not-a-voter"),
    voters: maybe(voters),
  },
  ack: { ...common, term: count, seq: count, voters: stamp, stateVersion: maybe(amount) },
  reject: {
    ...common,
    term: count,
    seq: count,
    promised: count,
    leader: maybe(leaderRef),
    viewSize: maybe(count),
  },
  noted: { ...common, term: count },
  ready: { ...common, term: count },
  unready: { ...common, term: count },
  accepted: { ...common, term: count },
  busy: { ...common, term: count },
  recalled: { ...common, nonce: amount, promised: count, isRecovering: flag, voters },
});
