/**
 * A planned change of leaders: the successor gets ready while the leader still works, then the leader
 * finishes what it has begun, leaves, and names the successor, which needs no inquiry.
 *
 *   leader     prepare ---> ready   drain ... drained   step down, resign to all, nominate
 *   successor          warm up                                                  votes, fences, leads
 *
 * Nothing waits for ever: whatever has not been answered when its half of the drain time is over is
 * left out, and the leader goes without a successor if it must. `preempt` goes this way too: a better
 * member asks, and nobody is ever turned out.
 */
import type { MemberId } from "../kernel/index.ts";
import { mayLead, run } from "./candidacy.ts";
import { isSuppressed } from "./damping.ts";
import { isVoter, remember } from "./durability.ts";
import type { Sender, Told } from "./event.ts";
import { addProof, hearsLeader, refusesForMs } from "./evidence.ts";
import { inquire } from "./inquiry.ts";
import { sendRound } from "./leadership.ts";
import { compareRank, isSame, type Member } from "./member.ts";
import type { Answer, Message } from "./message.ts";
import { stepDown } from "./standing-down.ts";
import {
  and,
  type Decision,
  type Handover,
  type Leading,
  type State,
  selfOf,
  stay,
  wallMs,
} from "./state.ts";
import { rankedOf, successorsOf } from "./succession.ts";

type Received = Told<"received">;
type Of<Kind extends Message["kind"]> = Extract<Message, { kind: Kind }>;

/** What a leader takes to leave for a better member; a resignation brings its own time. */
const reliefMs = 5_000;

export function onResignAsked(
  state: State,
  to: MemberId | undefined,
  drainMs: number,
  why: Handover["why"] = "resign",
): Decision {
  const { role, config, nowMs } = state;
  if (role.at !== "leader" || role.handover !== undefined) return stay(state);
  const freshest = successorsOf(state, role)[0];
  const successor = to !== undefined && to !== config.self && isVoter(state, to) ? to : freshest;
  const untilMs = nowMs + drainMs / 2;
  const handover: Handover = {
    to: successor,
    passed: [],
    stage: "preparing",
    untilMs,
    drainMs,
    why,
  };
  const next: State = { ...state, role: { ...role, handover } };
  if (successor === undefined) return drain(next);
  const message = { kind: "prepare", term: role.term } as const;
  return stay(next, { type: "send", to: successor, message });
}

/** The successor has answered, or its time is over. */
function drain(state: State): Decision {
  const { role, nowMs } = state;
  if (role.at !== "leader" || role.handover?.stage !== "preparing") return stay(state);
  const boundMs = role.handover.drainMs / 2;
  const handover: Handover = { ...role.handover, stage: "draining", untilMs: nowMs + boundMs };
  const leaving: State = { ...state, role: { ...role, phase: "handing-over", handover } };
  return and(stay(leaving, { type: "drain", term: role.term, boundMs }), sendRound);
}

/** Half of the drain time is over. */
export function onHandoverDue(state: State, { handover }: Leading): Decision {
  if (handover === undefined) return stay(state);
  if (handover.stage === "draining") return stepDown(state, handover.why);
  return drain(withoutSuccessor(state));
}

export function onDrained(state: State, term: number): Decision {
  const { role } = state;
  if (role.at !== "leader" || role.term !== term) return stay(state);
  return role.handover?.stage === "draining" ? stepDown(state, role.handover.why) : stay(state);
}

export function onPrepared(
  state: State,
  from: MemberId,
  answer: Extract<Answer, { kind: "ready" | "unready" }>,
): Decision {
  const { role } = state;
  if (role.at !== "leader" || role.term !== answer.term || role.handover?.to !== from) {
    return stay(state);
  }
  return answer.kind === "ready" ? drain(state) : askNext(state);
}

/** The one that was asked cannot lead now; whoever comes next in the order is asked in its place. */
function askNext(state: State): Decision {
  const { role } = state;
  if (role.at !== "leader" || role.handover?.to === undefined) return drain(state);
  const passed = [...role.handover.passed, role.handover.to];
  const to = successorsOf(state, role).find((id) => !passed.includes(id));
  const next: State = { ...state, role: { ...role, handover: { ...role.handover, to, passed } } };
  if (to === undefined) return drain(next);
  return stay(next, { type: "send", to, message: { kind: "prepare", term: role.term } });
}

function withoutSuccessor(state: State): State {
  const { role } = state;
  if (role.at !== "leader" || role.handover === undefined) return state;
  return { ...state, role: { ...role, handover: { ...role.handover, to: undefined } } };
}

/** The leader wants this member to get ready. Its answer waits for the application. */
export function onPrepare(state: State, event: Received, { term }: Of<"prepare">): Decision {
  const { from, requestId } = event;
  // Just restarted, it has no vote for a while, not even for itself.
  const isMute = refusesForMs({ ...state, bond: undefined }, selfOf(state)) > 0;
  if (!isLeaderOf(state, from, term) || !mayLead(state) || isMute) {
    return stay(state, reply(event, { kind: "unready", forBoot: from.boot, term }));
  }
  const preparing = { requestId, boot: from.boot, term };
  return stay({ ...state, preparing }, { type: "prepare", term });
}

export function onAppReady(state: State, kind: "ready" | "unready", term: number): Decision {
  const { preparing } = state;
  if (preparing === undefined || preparing.term !== term) return stay(state);
  const { requestId, boot } = preparing;
  const answer: Answer = { kind, forBoot: boot, term };
  return stay({ ...state, preparing: undefined }, { type: "reply", requestId, answer });
}

/** Signed by the leader itself: it does not lead any more. */
export function onResign(state: State, event: Received, message: Of<"resign">): Decision {
  const { from } = event;
  const { leader, term, successor } = message;
  const noted = reply(event, { kind: "noted", forBoot: from.boot, term });
  if (!isSame(from, leader)) return stay(state, noted);
  const proven = and(rememberEnd(state, message), (s) =>
    addProof(s, { ...leader, term, how: "resigned" }),
  );
  const next = and(proven, (s) => stay(s, noted));
  if (successor === undefined) return next;
  if (successor === state.config.self) return and(next, (s) => takeOver(s, term));
  const { inquiryMs, voteMs } = state.config.timing;
  return and(next, (s) => stay(withPatience(s, inquiryMs + voteMs)));
}

/** Why it ended is known best to who led. A candidate that gives up says no reason and led nothing. */
function rememberEnd(state: State, { leader, term, why }: Of<"resign" | "nominate">): Decision {
  const known = state.record.history.find((row) => row.term === term);
  if (why === undefined || known?.why !== undefined) return stay(state);
  const nowMs = wallMs(state);
  return remember(state, [{ fromMs: nowMs, ...known, term, leader, toMs: nowMs, why }]);
}

function withPatience(state: State, patienceMs: number): State {
  const { suspicion } = state;
  if (suspicion === undefined) return state;
  const startAtMs = suspicion.startAtMs + patienceMs;
  return { ...state, suspicion: { ...suspicion, startAtMs } };
}

/** I4: the leader that has just left wants this member. */
export function onNominate(state: State, event: Received, message: Of<"nominate">): Decision {
  const { from } = event;
  const { leader, term } = message;
  const noted = stay(state, reply(event, { kind: "noted", forBoot: from.boot, term }));
  if (!isSame(from, leader)) return noted;
  const known = and(noted, (s) => rememberEnd(s, message));
  const proven = and(known, (s) => addProof(s, { ...leader, term, how: "resigned" }));
  return and(proven, (s) => takeOver(s, term));
}

/** The named successor, once for each leadership that ended, whichever word of it comes first. */
function takeOver(state: State, term: number): Decision {
  const { role, record, bond } = state;
  const isFree = role.at === "follower" || role.at === "armed" || role.at === "deferring";
  const isLater = role.at === "inquiring" && state.loss?.of?.term === term;
  const isNext = term >= record.promised && bond === undefined;
  return (isFree || isLater) && isNext && mayLead(state) ? run(state, "asked") : stay(state);
}

/** A better member offers to take over. */
export function onRelieve(state: State, event: Received, message: Of<"relieve">): Decision {
  const { from } = event;
  const { role, config, app } = state;
  const { term, isForced } = message;
  const mayAsk = isForced || (config.preempt !== "never" && !app.isBusy);
  const isIdle = role.at === "leader" && role.term === term && role.phase === "leading";
  const accepts = isIdle && role.handover === undefined && mayAsk && isVoter(state, from.member);
  const kind = accepts ? "accepted" : "busy";
  const answered = stay(state, reply(event, { kind, forBoot: from.boot, term }));
  if (!accepts) return answered;
  return and(answered, (next) => onResignAsked(next, from.member, reliefMs, "preempted"));
}

/**
 * When this member will ask the leader to be allowed to take over; undefined for never. Not while it
 * doubts itself: a wish that is long overdue would otherwise look like a tick that comes late, for ever.
 */
export function reliefAtMs(state: State): number | undefined {
  const wishAtMs = reliefWishAtMs(state);
  return wishAtMs === undefined ? undefined : Math.max(wishAtMs, state.doubtUntilMs);
}

function reliefWishAtMs(state: State): number | undefined {
  const { config, role, bond, app, nowMs } = state;
  if (config.preempt === "never" || role.at !== "follower" || bond?.isAnnounced !== true) {
    return undefined;
  }
  if (!mayLead({ ...state, nowMs: Number.MAX_SAFE_INTEGER }) || !isBetter(state, bond.member)) {
    return undefined;
  }
  if (config.preempt === "always") return state.askedReliefMs + config.timing.stickinessMs;
  const { history } = state.record;
  if (isSuppressed(history, config.self, wallMs(state, nowMs))) {
    return nowMs + config.stableMs;
  }
  const stableMs = Math.max(app.wellSinceMs, state.askedReliefMs) + config.stableMs;
  return Math.max(state.relieveAtMs, stableMs);
}

function isBetter(state: State, leader: MemberId): boolean {
  const { members } = state.record.voters;
  const ranked = (id: MemberId, member: Member) => rankedOf(state, id, member);
  const own = members.find(({ id }) => id === state.config.self);
  const other = members.find(({ id }) => id === leader);
  if (own === undefined || other === undefined) return false;
  return compareRank(ranked(own.id, own), ranked(other.id, other)) > 0;
}

export function askRelief(state: State, isForced: boolean): Decision {
  if (!hearsLeader(state)) return isForced ? inquire(state, "asked") : stay(state);
  const { member, term } = state.bond;
  const message = { kind: "relieve", term, isForced } as const;
  const asked: State = { ...state, askedReliefMs: state.nowMs };
  return stay(asked, { type: "send", to: member, message });
}

function isLeaderOf({ bond }: State, from: Sender, term: number): boolean {
  return bond?.isAnnounced === true && bond.term === term && isSame(bond, from);
}

function reply({ requestId }: Received, answer: Answer): Decision["effects"][number] {
  return { type: "reply", requestId, answer };
}
