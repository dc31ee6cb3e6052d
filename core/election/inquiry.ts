/**
 * The inquiry before an election: would you let me? It costs no term and changes nothing, so a member
 * that has only lost its own connection disturbs nobody (S5).
 *
 *   I1  A new attempt asks all voters at once, with the highest term that the asker knows.
 *   I2  Who hears a leader answers `live`; who is to be preferred and able answers `defer` and tries
 *       itself; everybody else answers `ok`.
 *   I3  `live` ends the attempt. `defer` makes the asker wait for the other, once. Enough `ok`, once every
 *       better member has answered or the time is over, lead on to the vote; too few make it humble:
 *       for a while it defers nobody, because it has shown that it cannot win.
 *   I4  A nominated successor needs no inquiry (handover.ts).
 *   I5  Nor does the first in the order when the leader's exit is proven, and its last heartbeat, less
 *       than a stickiness ago, counted enough others: whoever would say `live` is wrong, nobody is to be
 *       preferred, and the quorum was there a moment ago. Once: after a failure it inquires.
 *
 * `live` says how long ago the leader was heard. The asker counts that from when it asked, so word of
 * a leader that is gone gets older with every mouth it passes and cannot circle for ever.
 */
import { draw, type MemberId } from "../kernel/index.ts";
import { mayLead, run } from "./candidacy.ts";
import { isVoter, otherVoters, save, sendAll } from "./durability.ts";
import type { Told } from "./event.ts";
import {
  addProof,
  covers,
  hearsLeader,
  isDoubted,
  isEnded,
  isRefused,
  refOf,
  refusesForMs,
} from "./evidence.ts";
import { neededOf } from "./leadership.ts";
import { isSame, majorityOf, stampOf } from "./member.ts";
import type { Answer, LeaderRef, Message, Reason } from "./message.ts";
import { backOff } from "./standing-down.ts";
import { and, type Decision, type Role, type State, selfOf, stay } from "./state.ts";
import { outranks, placeOf } from "./succession.ts";
import { noticeTerm } from "./term.ts";

type Inquire = Extract<Message, { kind: "inquire" }>;
type Inquiring = Extract<Role, { at: "inquiring" }>;
type Of<Kind extends Answer["kind"]> = Extract<Answer, { kind: Kind }>;

/** I5. */
export function isVouchedFor(state: State, reason: Reason): boolean {
  const { config, loss, nowMs, failureCount } = state;
  if (reason !== "exited" || loss?.of === undefined || config.mode === "available") return false;
  if (!isEnded(state, loss.of) || failureCount > 0 || placeOf(state, loss.of.member) > 0) {
    return false;
  }
  if (!config.rules.vouchedHaste) return true;
  const isRecent = nowMs < loss.heardAtMs + config.timing.stickinessMs;
  return isRecent && loss.viewSize - 1 >= neededOf(state);
}

/** I1. */
export function inquire(state: State, reason: Reason, hasDeferred = false): Decision {
  const { config, nowMs, record, seen, loss, app } = state;
  if (!config.rules.preVote) return run(state, reason);
  const attempt = state.attempt + 1;
  const suspect = loss?.of;
  const asking: State = {
    ...state,
    attempt,
    role: { at: "inquiring", attempt, reason, sentAtMs: nowMs, answers: {} },
  };
  const message: Inquire = {
    kind: "inquire",
    attempt,
    term: Math.max(seen, record.promised),
    reason,
    proof: suspect && state.proofs.find((proof) => covers(proof, suspect)),
    voters: stampOf(record.voters),
    stateVersion: app.stateVersion,
    ...(hasDeferred ? { hasDeferred } : {}),
  };
  return and(sendAll(asking, otherVoters(asking), message), conclude);
}

/** I2. */
export function onInquire(state: State, event: Told<"received">, message: Inquire): Decision {
  const { from, requestId } = event;
  const { attempt } = message;
  return and(addProof(noticeTerm(state, message.term), message.proof), (next) => {
    const term = Math.max(next.seen, next.record.promised);
    const answer = (body: InquiryReply): Decision =>
      stay(next, {
        type: "reply",
        requestId,
        answer: { ...body, forBoot: from.boot, attempt, term },
      });
    const leader = liveLeader(next);
    if (leader !== undefined && leader.ref.member !== from.member) {
      return answer({ kind: "live", leader: leader.ref, ageMs: leader.ageMs });
    }
    // Whoever has waited for a better member once, in vain, is not asked to wait again.
    const mayDefer = message.hasDeferred !== true && isWilling(next);
    if (mayDefer && outranks(next, next.config.self, from.member)) {
      return and(answer({ kind: "defer" }), (s) => startOwn(s, message.reason));
    }
    const { bond } = next;
    const ok = answer({
      kind: "ok",
      refusesForMs: finite(refusesForMs(next, from)),
      sawRefused: bond !== undefined && isRefused(next, bond),
    });
    return and(ok, (s) => stay(giveTime(s)));
  });
}

type InquiryReply = Unnumbered<Of<"ok"> | Of<"defer"> | Of<"live">>;
type Unnumbered<One> = One extends unknown ? Omit<One, "forBoot" | "attempt" | "term"> : never;

/** JSON knows no infinity. */
const finite = (ms: number): number => Math.min(ms, Number.MAX_SAFE_INTEGER);

function liveLeader(state: State): { ref: LeaderRef; ageMs: number } | undefined {
  const { role, nowMs } = state;
  if (role.at === "leader") {
    return { ref: { ...selfOf(state), term: role.term }, ageMs: 0 };
  }
  if (!hearsLeader(state)) return undefined;
  return { ref: refOf(state.bond), ageMs: nowMs - state.bond.heardAtMs };
}

function isWilling(state: State): boolean {
  const { nowMs, humbleUntilMs, doubtUntilMs, quarantineUntilMs, holdUntilMs, role } = state;
  // Who has been deferred itself lets others try: orders of succession may disagree in a circle.
  const isFree = role.at !== "candidate" && role.at !== "seeking" && role.at !== "deferring";
  return (
    isFree &&
    mayLead(state) &&
    nowMs >= Math.max(humbleUntilMs, doubtUntilMs, quarantineUntilMs, holdUntilMs)
  );
}

function startOwn(state: State, reason: Reason): Decision {
  return state.role.at === "follower" ? inquire(state, reason) : stay(state);
}

/** Somebody else's election is under way: the own start waits for its outcome. */
function giveTime(state: State): State {
  const { suspicion, nowMs, config } = state;
  if (suspicion === undefined) return state;
  const { inquiryMs, voteMs, staggerMs } = config.timing;
  const startAtMs = Math.max(suspicion.startAtMs, nowMs + inquiryMs + voteMs + staggerMs);
  return { ...state, suspicion: { ...suspicion, startAtMs } };
}

/** I3. */
export function onInquiryAnswer(
  state: State,
  from: MemberId,
  answer: Of<"ok"> | Of<"defer"> | Of<"live">,
): Decision {
  const { role, config } = state;
  if (role.at !== "inquiring" || !isVoter(state, from)) return stay(state);
  if (config.rules.revalidateReplies && answer.attempt !== role.attempt) return stay(state);
  const next = noticeTerm(state, answer.term);
  if (answer.kind === "live") return onLive(next, role, answer);
  if (answer.kind === "defer") return defer(next, role);
  const { refusesForMs, sawRefused } = answer;
  const answers = { ...role.answers, [from]: { refusesForMs, sawRefused } };
  return conclude({ ...next, role: { ...role, answers } });
}

function defer(state: State, { attempt, reason }: Inquiring): Decision {
  const { inquiryMs, voteMs } = state.config.timing;
  const { value, rng } = draw(state.rng);
  const untilMs = state.nowMs + (2 + value) * (inquiryMs + voteMs);
  return stay({ ...state, rng, role: { at: "deferring", attempt, reason, untilMs } });
}

/** Somebody hears the leader: so does this member, by hearsay, and it tries its own connection. */
function onLive(state: State, role: Inquiring, { leader, ageMs }: Of<"live">): Decision {
  const { bond, nowMs, config, record } = state;
  const { stickinessMs } = config.timing;
  const heardAtMs = role.sentAtMs - ageMs;
  const isMine = leader.member === config.self;
  const isKnown = bond?.term === leader.term && isSame(bond, leader);
  const isNews = !isKnown && leader.term >= Math.max(record.promised, bond?.term ?? 0);
  const back: State = { ...state, role: { at: "follower" }, suspicion: undefined };
  const { value, rng } = draw(back.rng);
  const pauseMs = (stickinessMs / 2) * (1 + value);
  const calm: State = { ...back, rng, holdUntilMs: nowMs + pauseMs };
  if (isMine || isDoubted(state, leader)) return backOff(state, stickinessMs / 2);
  if (bond !== undefined && isKnown) {
    const heard = { ...bond, heardAtMs: Math.max(bond.heardAtMs, heardAtMs) };
    return stay({ ...calm, bond: heard }, { type: "redial", member: leader.member });
  }
  if (!isNews) return backOff(state, stickinessMs / 2);
  const isAnnounced = true;
  const heard = { ...refOf(leader), heardAtMs, isAnnounced, viewSize: 0 };
  const following = stay(
    { ...calm, bond: { ...heard, phase: "leading" } },
    { type: "follow", leader: refOf(leader) },
    { type: "redial", member: leader.member },
  );
  if (leader.term <= record.promised) return following;
  // As binding as an announcement: whoever tells of this term obeys no earlier one later (S9).
  const votedFor = { member: leader.member, boot: leader.boot };
  return and(following, (next) => save(next, { promised: leader.term, votedFor }));
}

/** I3: goes on when enough agree and nobody better is left to answer, or when the time is over. */
export function conclude(state: State): Decision {
  const { role, nowMs, config, record, loss } = state;
  if (role.at !== "inquiring") return stay(state);
  const { self, timing } = config;
  const isOver = nowMs >= role.sentAtMs + timing.inquiryMs;
  const isEnough = Object.keys(role.answers).length + 1 >= neededOf(state);
  const gone = loss?.of?.member;
  // Voters refuse a second leader. Where nobody votes, everybody is given time to say `live`.
  const mustHear = (id: MemberId): boolean => config.mode !== "quorum" || outranks(state, id, self);
  const isComplete = record.voters.members.every(
    ({ id }) => id === self || id === gone || id in role.answers || !mustHear(id),
  );
  if (isEnough && (isOver || isComplete)) return proceed(state, role);
  if (!isOver) return stay(state);
  const humble = { ...state, humbleUntilMs: nowMs + 2 * timing.stickinessMs };
  return backOff(humble);
}

/** Votes are asked for when enough voters will be free to give them. */
function proceed(state: State, role: Inquiring): Decision {
  const { config, bond } = state;
  const sawRefused = otherVoters(state).filter((id) => role.answers[id]?.sawRefused === true);
  const own = bond !== undefined && isRefused(state, bond) ? [config.self] : [];
  const refusedBy = [...own, ...sawRefused];
  const isMajority = refusedBy.length >= majorityOf(state.record.voters.members.length);
  const breaks = config.leaseBreak === "refused" && isMajority;
  const isProven = bond === undefined;
  const waits = Object.values(role.answers).map(({ refusesForMs }) => refusesForMs);
  waits.sort((a, b) => a - b);
  const waitMs = breaks || isProven ? 0 : (waits[neededOf(state) - 2] ?? 0);
  return run(state, role.reason, breaks ? refusedBy : [], waitMs);
}
