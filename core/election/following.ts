/**
 * Following: which heartbeats count, and what hearing one does.
 *
 *   F1  A heartbeat counts if its term is higher than the promised one, or the same and from the one
 *       process that this member knows to lead it. A lower term is refused, with the promise.
 *   F2  After a suspicion each member waits for its turn in the order of succession; a heartbeat, a
 *       granted vote or somebody else's inquiry in between puts it off.
 *
 * A heartbeat of a process that is proven to have ended came late, and is refused like an old term.
 */
import { hold, isVoter, isWritten, remember, save } from "./durability.ts";
import type { Effect } from "./effect.ts";
import type { Told } from "./event.ts";
import { covers, refOf } from "./evidence.ts";
import { compareStamps, isSame, stampOf } from "./member.ts";
import type { Answer, LeaderRef, Message } from "./message.ts";
import { and, type Bond, type Decision, type State, stay } from "./state.ts";
import { noticeTerm } from "./term.ts";

export type Announce = Extract<Message, { kind: "announce" }>;
type Received = Told<"received">;

/** The caller leads no term of its own any more. */
export function onAnnounce(state: State, event: Received, announce: Announce): Decision {
  const { leader, term } = announce;
  const { bond, record } = state;
  const ref: LeaderRef = { ...leader, term };
  // A leader known by hearsay counts too: what the outside is told of never falls (S9).
  const known = bond?.isAnnounced === true ? bond.term : 0;
  // A claim is on its way to the disk: the next heartbeat meets the leader that comes of it.
  const isClaiming = state.config.mode === "available" && state.role.at === "candidate";
  if (term < record.promised && isClaiming) return stay(state);
  if (term < Math.max(record.promised, known)) return refuse(state, event, announce);
  if (state.proofs.some((proof) => covers(proof, ref))) return refuse(state, event, announce);
  const isRival = bond?.isAnnounced === true && bond.term === term && !isSame(bond, leader);
  if (isRival && !isTieWon(state, bond, announce)) {
    const detail = `${bond.member} and ${leader.member} both announce term ${term}`;
    const alarm: Effect = { type: "alarm", alarm: "second-leader", detail };
    return and(stay(state, alarm), (next) => refuse(next, event, announce));
  }
  const followed = and(adopt(state, announce), (next) => follow(next, event, announce));
  return and(followed, (next) => passOn(next, announce));
}

/** Only `available` may have two leaders in a term: the larger view wins, then the better member. */
function isTieWon({ config }: State, bond: Bond, { viewSize, leader }: Announce): boolean {
  if (config.mode !== "available") return false;
  return (
    viewSize - bond.viewSize > 0 || (viewSize === bond.viewSize && leader.member > bond.member)
  );
}

export function refuse(state: State, event: Received, announce: Announce): Decision {
  const { bond, record } = state;
  const answer: Answer = {
    kind: "reject",
    forBoot: event.from.boot,
    term: announce.term,
    seq: announce.seq,
    promised: Math.max(record.promised, bond?.term ?? 0),
    leader: bond?.isAnnounced === true ? refOf(bond) : undefined,
    viewSize: bond?.viewSize,
  };
  return stay(state, { type: "reply", requestId: event.requestId, answer });
}

/** Takes over what the announcement teaches: a higher term, later voters, rows of the history. */
function adopt(state: State, announce: Announce): Decision {
  const { record } = state;
  const { leader, term, voters } = announce;
  const told = remember(noticeTerm(state, term), announce.history);
  const isNewTerm = term > record.promised;
  const isNewSet = compareStamps(record.voters, voters) < 0;
  if (!isNewTerm && !isNewSet) return told;
  const { promised, votedFor } = record;
  return and(told, (next) =>
    save(next, {
      promised: Math.max(promised, term),
      votedFor: isNewTerm ? { member: leader.member, boot: leader.boot } : votedFor,
      voters: isNewSet ? voters : record.voters,
    }),
  );
}

function follow(state: State, event: Received, announce: Announce): Decision {
  const { leader, term, viewSize, phase, successors } = announce;
  const { role, bond, nowMs } = state;
  const isNews = !(bond?.isAnnounced === true && isSame(bond, leader) && bond.term === term);
  const next: State = {
    ...withGap(state, isNews),
    role: role.at === "recovering" ? role : { at: "follower" },
    bond: {
      member: leader.member,
      boot: leader.boot,
      term,
      heardAtMs: nowMs,
      isAnnounced: true,
      viewSize,
      phase,
    },
    successors,
    suspicion: undefined,
    loss: undefined,
    refused: undefined,
    holdUntilMs: nowMs,
    failureCount: 0,
    relieveAtMs: isNews ? nowMs + state.config.stableMs : state.relieveAtMs,
  };
  const news: readonly Effect[] = isNews
    ? [{ type: "follow", leader: { member: leader.member, boot: leader.boot, term } }]
    : [];
  return and(stay(next, ...news), (s) => acknowledge(s, event, announce));
}

/** The estimate of a new leader's gaps starts from what the last one's were. */
function withGap(state: State, isNews: boolean): State {
  const { bond, nowMs, gaps, config } = state;
  if (bond === undefined || isNews) return state;
  const gapMs = Math.min(nowMs - bond.heardAtMs, 3 * config.timing.stickinessMs);
  const weight = 1 / 200;
  const off = gapMs - gaps.meanMs;
  const meanMs = gaps.meanMs + weight * off;
  const varianceMs2 = (1 - weight) * (gaps.varianceMs2 + weight * off * off);
  return { ...state, gaps: { meanMs, varianceMs2 } };
}

/** Voters acknowledge, after the term is on disk; who has no vote, or has lost its memory, does not. */
function acknowledge(state: State, event: Received, announce: Announce): Decision {
  const { requestId, from } = event;
  const { leader, term, seq } = announce;
  const isDirect = isSame(from, leader);
  const { self } = state.config;
  const isObserver = !isVoter(state, self) && state.observers.some(({ id }) => id === self);
  if (!isDirect || isObserver || state.role.at === "recovering") {
    const answer: Answer = { kind: "noted", forBoot: from.boot, term };
    return stay(state, { type: "reply", requestId, answer });
  }
  const ref: LeaderRef = { member: leader.member, boot: leader.boot, term };
  if (isWritten(state)) return stay(state, ackOf(state, requestId, ref, seq));
  return hold(state, { kind: "ack", requestId, leader: ref, seq });
}

export function ackOf(state: State, requestId: string, leader: LeaderRef, seq: number): Effect {
  const answer: Answer = {
    kind: "ack",
    forBoot: leader.boot,
    term: leader.term,
    seq,
    voters: stampOf(state.record.voters),
    stateVersion: state.app.stateVersion,
  };
  return { type: "reply", requestId, answer };
}

function passOn(state: State, { relayTo, ...announce }: Announce): Decision {
  const targets = (relayTo ?? []).filter((id) => state.observers.some((one) => one.id === id));
  return stay(state, ...targets.map((to) => ({ type: "send", to, message: announce }) as const));
}
