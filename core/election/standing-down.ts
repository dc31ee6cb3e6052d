/**
 * The ways back to being a follower: a lost candidacy, an end of leadership, a pause before the next
 * try. Stepping down comes first and is told afterwards: when the others hear of it, nothing here
 * works under that leadership any more.
 */
import { draw } from "../kernel/index.ts";
import { otherMembers, otherVoters, remember, save, sendAll } from "./durability.ts";
import { suspect } from "./evidence.ts";
import type { EndOfLeadership } from "./history.ts";
import type { Reason } from "./message.ts";
import { and, type Decision, type Leading, type State, selfOf, stay, wallMs } from "./state.ts";

const backOffMsMin = 150;

/** Leaves an attempt: it waits a random time, longer after each failure, up to stickiness. */
export function backOff(state: State, pauseMs = 0): Decision {
  const { stickinessMs, voteMs } = state.config.timing;
  const { value, rng } = draw(state.rng);
  const baseMs = Math.max(backOffMsMin, voteMs) * 2 ** Math.min(state.failureCount, 8);
  const untilMs = state.nowMs + pauseMs + value * Math.min(baseMs, stickinessMs);
  const { role } = state;
  const reason: Reason = "reason" in role ? role.reason : (state.suspicion?.reason ?? "silence");
  return stay({
    ...state,
    rng,
    role: { at: "follower" },
    failureCount: state.failureCount + 1,
    holdUntilMs: untilMs,
    suspicion: { reason, startAtMs: untilMs },
  });
}

/** The same after a candidacy, whose voters are set free: this term will never be led. */
export function giveUp(state: State): Decision {
  const { role } = state;
  if (role.at !== "candidate") return backOff(state);
  const resign = { kind: "resign", leader: selfOf(state), term: role.term } as const;
  const told = role.sentAtMs === undefined ? [] : otherVoters(state);
  return and(sendAll(state, told, resign), (next) => backOff(next));
}

/** Ends the leadership of this member. `successor` was nominated and is told apart. */
export function stepDown(state: State, why: EndOfLeadership): Decision {
  const { role, nowMs, config } = state;
  if (role.at !== "leader") return stay(state);
  const isLost = why === "lease" || why === "fence";
  const isNamed = role.handover?.to !== undefined;
  const follower: State = {
    ...state,
    role: { at: "follower" },
    bond: undefined,
    // It has named its successor, and must not be faster: whoever asks it is not sent away for its sake.
    holdUntilMs: isNamed ? nowMs + config.timing.stickinessMs : state.holdUntilMs,
    humbleUntilMs: isLost ? nowMs + 2 * config.timing.stickinessMs : state.humbleUntilMs,
    loss: {
      of: { ...selfOf(state), term: role.term },
      heardAtMs: nowMs,
      viewSize: 0,
      suspectedAtMs: nowMs,
      reason: "resigned",
    },
  };
  const ended = stay(
    follower,
    { type: "step-down", term: role.term, why },
    { type: "follow", leader: undefined },
  );
  const closed = and(ended, (next) => close(next, role, why));
  const released = and(closed, (next) => release(next, role, why));
  const told = and(released, (next) => tellEnd(next, role, why));
  // Whoever failed leaves the first try to the others.
  const patienceMs = config.timing.inquiryMs + config.timing.voteMs;
  return and(told, (next) => suspect(next, "resigned", patienceMs));
}

/** The own leadership gets its end in the history. */
export function close(state: State, { term, sinceMs }: Leading, why: EndOfLeadership): Decision {
  const row = {
    term,
    leader: selfOf(state),
    fromMs: wallMs(state, sinceMs),
    toMs: wallMs(state),
    why,
  };
  return and(remember(state, [row]), (next) => save(next, {}));
}

/** A record that is not released would keep everybody waiting for its end. */
function release(state: State, { term, lease }: Leading, why: EndOfLeadership): Decision {
  if (lease?.version === undefined || why === "arbiter") return stay(state);
  const askId = state.askId + 1;
  const record = { holder: undefined, term, leaseMs: state.config.recordLeaseMs };
  return stay(
    { ...state, askId },
    { type: "arbiter-swap", askId, expected: lease.version, record },
  );
}

function tellEnd(state: State, { term, handover }: Leading, why: EndOfLeadership): Decision {
  const leader = selfOf(state);
  const successor = handover?.to;
  const resign = { kind: "resign", leader, term, why, successor } as const;
  const told = sendAll(state, otherMembers(state), resign);
  if (successor === undefined) return told;
  const nominate = { kind: "nominate", leader, term, why } as const;
  return and(told, (next) => sendAll(next, [successor], nominate));
}
