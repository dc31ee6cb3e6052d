/**
 * What is due, and when. Timers are a view of the state: `wakeAtMs` is the earliest of the moments
 * that `onTick` looks at, so there is nothing to cancel.
 *
 * Silence is judged by a tick and by nothing else, and not by one that comes late: whoever was not
 * run for a while finds the heartbeats it missed in its buffers, and reads them first.
 */
import { neverMs, unreachable } from "../kernel/index.ts";
import { onSeekingDue, renewRecord } from "./arbitration.ts";
import { mayLead, run } from "./candidacy.ts";
import { otherVoters } from "./durability.ts";
import { silentAtMs, suspect } from "./evidence.ts";
import { askRelief, onHandoverDue, reliefAtMs } from "./handover.ts";
import { conclude, inquire, isVouchedFor } from "./inquiry.ts";
import { becomeLeader, fencingUntilMs, sendRound } from "./leadership.ts";
import { askWhatWasForgotten } from "./recovering.ts";
import { giveUp, stepDown } from "./standing-down.ts";
import { and, type Decision, type Leading, type Role, type State, stay } from "./state.ts";

type Candidate = Extract<Role, { at: "candidate" }>;

/** When the driver must feed a `tick` at the latest. */
export function wakeAtMs(state: State): number {
  const { role, config } = state;
  switch (role.at) {
    case "follower":
      return Math.min(followerDueMs(state), reliefAtMs(state) ?? neverMs);
    case "recovering":
      return Math.max(role.askAtMs, state.quarantineUntilMs);
    case "inquiring":
      return role.sentAtMs + config.timing.inquiryMs;
    case "armed":
      return role.voteAtMs;
    case "deferring":
    case "seeking":
      return role.untilMs;
    case "candidate":
      return candidateDueMs(state, role);
    case "leader":
      return leaderDueMs(state, role);
    default:
      return unreachable(role);
  }
}

/** A slow disk of its own is no reason to give up: when it has answered, the others are asked again. */
function candidateDueMs({ config }: State, { sentAtMs, grants }: Candidate): number {
  if (sentAtMs === undefined || !grants.includes(config.self)) return neverMs;
  return sentAtMs + config.timing.voteMs;
}

function leaderDueMs(state: State, role: Leading): number {
  const fencingMs = role.phase === "fencing" ? fencingUntilMs(state, role) : neverMs;
  const handoverMs = role.handover?.untilMs ?? neverMs;
  const renewMs = role.lease?.renewAtMs ?? neverMs;
  return Math.min(role.nextRoundMs, role.leaseUntilMs, fencingMs, handoverMs, renewMs);
}

function followerDueMs(state: State): number {
  const { bond, suspicion, holdUntilMs, doubtUntilMs, quarantineUntilMs, doubleUntilMs } = state;
  if (isResuming(state)) return state.startedAtMs;
  if (suspicion !== undefined) {
    if (!mayLead({ ...state, nowMs: neverMs })) return neverMs;
    const { startAtMs } = suspicion;
    return Math.max(startAtMs, holdUntilMs, doubtUntilMs, quarantineUntilMs, doubleUntilMs);
  }
  if (bond !== undefined) return Math.max(silentAtMs(state, bond), doubtUntilMs);
  return Math.max(coldStartAtMs(state), doubtUntilMs);
}

/** A first election waits for everybody who is expected, but not for ever. */
function coldStartAtMs({ config, peers, startedAtMs, quarantineUntilMs }: State): number {
  const presentCount = 1 + Object.values(peers).filter(({ isOpen }) => isOpen).length;
  if (presentCount >= config.expectedCount) return quarantineUntilMs;
  return Math.max(quarantineUntilMs, startedAtMs + config.coldStartMs);
}

export function onTick(state: State, lateMs: number): Decision {
  const { role, nowMs, config } = state;
  if (role.at === "leader") return onLeaderTick(state);
  if (lateMs > 2 * config.timing.heartbeatMs && isWaiting(role) && !isResuming(state)) {
    const doubtMs = Math.min(lateMs, config.timing.stickinessMs);
    const doubtUntilMs = Math.max(state.doubtUntilMs, nowMs + doubtMs);
    // What was agreed before it slept may have been overtaken: it asks again.
    return stay({ ...state, role: { at: "follower" }, doubtUntilMs });
  }
  if (nowMs < wakeAtMs(state)) return stay(state);
  switch (role.at) {
    case "follower":
      return onFollowerDue(state);
    case "recovering":
      return askWhatWasForgotten(state, role);
    case "inquiring":
      return conclude(state);
    case "armed":
      return run(state, role.reason, role.refusedBy);
    case "deferring":
      return inquire(state, role.reason, true);
    case "candidate":
      return giveUp(state);
    case "seeking":
      return onSeekingDue(state, role);
    default:
      return unreachable(role);
  }
}

function isWaiting({ at }: Role): boolean {
  return at === "follower" || at === "inquiring" || at === "armed" || at === "deferring";
}

function onFollowerDue(state: State): Decision {
  const { suspicion, bond, nowMs } = state;
  if (isResuming(state)) return resume(state);
  if (nowMs >= (reliefAtMs(state) ?? neverMs)) return askRelief(state, false);
  if (suspicion !== undefined) {
    const { reason } = suspicion;
    return isVouchedFor(state, reason) ? run(state, reason) : inquire(state, reason);
  }
  return suspect(state, bond === undefined ? "cold-start" : "silence");
}

function onLeaderTick(state: State): Decision {
  const { role, nowMs } = state;
  if (role.at !== "leader") return stay(state);
  if (role.phase === "fencing" && nowMs >= fencingUntilMs(state, role)) {
    return stepDown(state, "fence");
  }
  if (role.handover !== undefined && nowMs >= role.handover.untilMs) {
    return onHandoverDue(state, role);
  }
  const renewed =
    role.lease !== undefined && nowMs >= role.lease.renewAtMs
      ? renewRecord(state, role)
      : stay(state);
  return nowMs >= role.nextRoundMs ? and(renewed, sendRound) : renewed;
}

/** Only a mutant does this: it believes that its vote of an earlier life makes it the leader. */
function isResuming({ config, record, role, bond, suspicion }: State): boolean {
  if (config.rules.freshTermAfterRestart || role.at !== "follower") return false;
  const { votedFor } = record;
  const isFresh = bond === undefined && suspicion === undefined;
  return isFresh && votedFor?.member === config.self && votedFor.boot !== config.boot;
}

function resume(state: State): Decision {
  const { record, nowMs } = state;
  const grantedBy = otherVoters(state);
  const elected = { term: record.promised, sentAtMs: nowMs, grantedBy, lease: undefined };
  return becomeLeader(state, elected);
}
