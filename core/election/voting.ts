/**
 * Voting: one vote a term, on disk before it is told.
 *
 *   V1  A candidate takes a term above all it has heard of, writes its own vote, and asks meanwhile:
 *       to ask promises nothing, and its own vote counts when it is on disk, as anybody's does.
 *   V2  A voter grants the first that asks in a term above its promise, unless it is bound to a
 *       leader, has just started, or has lost its memory. Rank is no argument here: no duels.
 *   V3  A majority, while still a candidate in the same attempt and in time by the clock, elects. The
 *       lease counts from when the votes were asked for.
 *   V4  Too late, or outbid: back to following, after a random pause.
 *
 * S1 follows from V1 and V2: two majorities share a voter, and its disk keeps it from voting twice in
 * a term. A grant binds the voter as a heartbeat does, so the lease that begins here is covered too.
 */
import type { MemberId } from "../kernel/index.ts";
import { hold, isVoter, isWritten, otherVoters, save, sendAll } from "./durability.ts";
import type { Effect } from "./effect.ts";
import type { Sender, Told } from "./event.ts";
import { addProof, covers, refusesForMs } from "./evidence.ts";
import { becomeLeader } from "./leadership.ts";
import { compareStamps, type Identity, isSame, majorityOf, stampOf } from "./member.ts";
import type { Answer, DenyReason, Message, Reason } from "./message.ts";
import { giveUp, stepDown } from "./standing-down.ts";
import { and, type Decision, type State, selfOf, stay } from "./state.ts";
import { nextTerm, noticeTerm } from "./term.ts";

type Vote = Extract<Message, { kind: "vote" }>;
type Received = Told<"received">;
type Of<Kind extends Answer["kind"]> = Extract<Answer, { kind: Kind }>;

/** V1. */
export function startVote(
  state: State,
  reason: Reason,
  refusedBy: readonly MemberId[] = [],
): Decision {
  const term = nextTerm(state);
  const attempt = state.attempt + 1;
  const candidate: State = {
    ...noticeTerm(state, term),
    attempt,
    suspicion: undefined,
    role: {
      at: "candidate",
      attempt,
      reason,
      term,
      sentAtMs: undefined,
      grants: [],
      denials: [],
      refusedBy,
    },
  };
  const saved = save(candidate, { promised: term, votedFor: selfOf(state) });
  const asked = and(saved, solicit);
  if (!state.config.rules.durableVotes) return and(asked, (next) => onOwnVote(next, attempt, term));
  return and(asked, (next) => hold(next, { kind: "own-vote", attempt, term }));
}

/** The own vote is on disk. A disk that took too long makes the others' votes too old: asks again. */
export function onOwnVote(state: State, attempt: number, term: number): Decision {
  const { role, record, config } = state;
  if (role.at !== "candidate" || role.attempt !== attempt || record.promised !== term) {
    return stay(state);
  }
  const own: State = { ...state, role: { ...role, grants: [...role.grants, config.self] } };
  return isLate(own) ? solicitAgain(own) : elect(own);
}

/** Under a new attempt, so that no vote counts that was given to the last one and binds for less long. */
function solicitAgain(state: State): Decision {
  const { role, config } = state;
  if (role.at !== "candidate") return stay(state);
  const attempt = state.attempt + 1;
  const grants = [config.self];
  return solicit({ ...state, attempt, role: { ...role, attempt, grants, denials: [] } });
}

function solicit(state: State): Decision {
  const { role, record, nowMs, loss } = state;
  if (role.at !== "candidate") return stay(state);
  const { attempt, term } = role;
  const leader = loss?.of;
  const vote: Vote = {
    kind: "vote",
    attempt,
    term,
    reason: role.reason,
    proof: leader && state.proofs.find((proof) => covers(proof, leader)),
    refusedBy: role.refusedBy,
    refused: role.refusedBy.length > 0 ? leader : undefined,
    voters: stampOf(record.voters),
  };
  const asking: State = { ...state, role: { ...role, sentAtMs: nowMs } };
  return sendAll(asking, otherVoters(asking), vote);
}

/** By the clock, not by a timer. */
function isLate({ role, config, nowMs }: State): boolean {
  if (role.at !== "candidate" || role.sentAtMs === undefined) return false;
  return nowMs - role.sentAtMs > config.timing.voteMs && config.rules.revalidateReplies;
}

/** V2. */
export function onVote(state: State, event: Received, vote: Vote): Decision {
  const { from, requestId } = event;
  const proven = and(addProof(noticeTerm(state, vote.term), vote.proof), (next) =>
    stay(believeRefusals(next, vote)),
  );
  return and(proven, (next) => {
    const why = refusal(next, from, vote);
    if (why !== undefined) return stay(next, denial(next, event, vote, why));
    const { attempt, term } = vote;
    const candidate = { member: from.member, boot: from.boot };
    return and(bind(next, candidate, term), (bound) => {
      if (isWritten(bound)) return stay(bound, granted(requestId, candidate, attempt, term));
      return hold(bound, { kind: "grant", requestId, candidate, attempt, term });
    });
  });
}

function refusal(state: State, asker: Sender, vote: Vote): DenyReason | undefined {
  const { config, record } = state;
  const { rules } = config;
  if (config.mode !== "quorum" || asker.trust === "compat") return "not-a-voter";
  const difference = compareStamps(vote.voters, record.voters);
  const isOlder = difference < 0;
  if (rules.compareVoters && isOlder) return "voters";
  // Under later voters than it knows it may have a vote; the asker counts only those who do.
  if (difference <= 0 && !isVoter(state, config.self)) return "not-a-voter";
  const isSameVote = vote.term === record.promised && isSame(record.votedFor, asker);
  if (vote.term <= record.promised && !isSameVote) return "term";
  const ref = { member: asker.member, boot: asker.boot, term: vote.term };
  if (state.proofs.some((proof) => covers(proof, ref))) return "term";
  if (state.role.at === "recovering") return "recovering";
  if (rules.restartQuarantine && state.nowMs < state.quarantineUntilMs) return "quarantine";
  return refusesForMs(state, asker) > 0 ? "sticky" : undefined;
}

/** `leaseBreak: refused`: a majority that saw the leader refuse counts as its end. */
function believeRefusals(state: State, { refused, refusedBy }: Vote): State {
  const { bond, config, record } = state;
  if (config.leaseBreak !== "refused" || refused === undefined) return state;
  const voters = record.voters.members.filter(({ id }) => refusedBy.includes(id));
  const isMajority = voters.length >= majorityOf(record.voters.members.length);
  const isMeant = bond?.term === refused.term && isSame(bond, refused);
  return isMajority && isMeant ? { ...state, bond: undefined } : state;
}

/** The vote is given: from now on this voter waits for that candidate as for a leader. */
function bind(state: State, candidate: Identity, term: number): Decision {
  const { record, nowMs } = state;
  const stood = state.role.at === "leader" ? stepDown(state, "higher-term") : stay(state);
  return and(stood, (next) => {
    const bound: State = {
      ...next,
      role: { at: "follower" },
      suspicion: undefined,
      bond: {
        ...candidate,
        term,
        heardAtMs: nowMs,
        isAnnounced: false,
        viewSize: 0,
        phase: "fencing",
      },
    };
    const isRepeated = record.promised === term && isSame(record.votedFor, candidate);
    return isRepeated ? stay(bound) : save(bound, { promised: term, votedFor: candidate });
  });
}

function granted(requestId: string, { boot }: Identity, attempt: number, term: number): Effect {
  const answer: Answer = { kind: "grant", forBoot: boot, attempt, term };
  return { type: "reply", requestId, answer };
}

function denial(state: State, event: Received, vote: Vote, why: DenyReason): Effect {
  const answer: Answer = {
    kind: "deny",
    forBoot: event.from.boot,
    attempt: vote.attempt,
    term: vote.term,
    promised: state.record.promised,
    why,
    voters: why === "voters" ? state.record.voters : undefined,
  };
  return { type: "reply", requestId: event.requestId, answer };
}

/** The disk has the vote. It leaves only if it still is this voter's vote. */
export function releaseGrant(
  state: State,
  held: { requestId: string; candidate: Identity; attempt: number; term: number },
): Decision {
  const { requestId, candidate, attempt, term } = held;
  const { promised, votedFor } = state.record;
  const isStill = promised === term && isSame(votedFor, candidate) && isSame(state.bond, candidate);
  if (isStill) return stay(state, granted(requestId, candidate, attempt, term));
  const answer: Answer = {
    kind: "deny",
    forBoot: candidate.boot,
    attempt,
    term,
    promised,
    why: "term",
  };
  return stay(state, { type: "reply", requestId, answer });
}

export function onGrant(state: State, from: MemberId, answer: Of<"grant">): Decision {
  const { role, config, record } = state;
  if (role.at !== "candidate" || !isVoter(state, from)) return stay(state);
  const isMine = answer.attempt === role.attempt && answer.term === role.term;
  if (config.rules.revalidateReplies && !(isMine && record.promised === role.term)) {
    return stay(state);
  }
  if (role.grants.includes(from)) return stay(state);
  return elect({ ...state, role: { ...role, grants: [...role.grants, from] } });
}

/** V3. */
function elect(state: State): Decision {
  const { role, config, record } = state;
  if (role.at !== "candidate" || role.sentAtMs === undefined) return stay(state);
  if (!role.grants.includes(config.self)) return stay(state);
  if (role.grants.length < majorityOf(record.voters.members.length)) return stay(state);
  if (isLate(state)) return giveUp(state);
  const { term, sentAtMs, grants } = role;
  return becomeLeader(state, { term, sentAtMs, grantedBy: grants, lease: undefined });
}

/** V4. A voter that knows later voters teaches them. */
export function onDeny(state: State, from: MemberId, answer: Of<"deny">): Decision {
  const { role } = state;
  if (role.at !== "candidate" || role.attempt !== answer.attempt) return stay(state);
  if (role.term !== answer.term || role.denials.includes(from)) return stay(state);
  const { voters } = answer;
  const isNewer = voters !== undefined && compareStamps(state.record.voters, voters) < 0;
  const denials = [...role.denials, from];
  const next = noticeTerm({ ...state, role: { ...role, denials } }, answer.promised);
  if (isNewer) return and(giveUp(next), (lost) => save(lost, { voters }));
  const count = next.record.voters.members.length;
  const isLost = count - denials.length < majorityOf(count);
  return isLost || answer.promised > role.term ? giveUp(next) : stay(next);
}
