/**
 * From "enough others agree" to the step that the mode demands: votes, a claim, or a record. Before
 * each try the member looks once more whether it may: it must be able to lead, and must not be bound
 * to a leader itself, for its own vote counts as much as anybody's.
 */
import type { MemberId } from "../kernel/index.ts";
import { seek } from "./arbitration.ts";
import { hold, isVoter, save } from "./durability.ts";
import { refusesForMs } from "./evidence.ts";
import { becomeLeader } from "./leadership.ts";
import type { Reason } from "./message.ts";
import { backOff } from "./standing-down.ts";
import { and, type Decision, type State, selfOf, stay } from "./state.ts";
import { placeOf } from "./succession.ts";
import { nextTerm, noticeTerm } from "./term.ts";
import { startVote } from "./voting.ts";

/** A voter that is well, remembers, and is the only process of its name. */
export function mayLead(state: State): boolean {
  const { app, role, nowMs, doubleUntilMs, config } = state;
  if (!app.isHealthy || app.isStuck || role.at === "recovering") return false;
  return nowMs >= doubleUntilMs && isVoter(state, config.self);
}

export function run(
  state: State,
  reason: Reason,
  refusedBy: readonly MemberId[] = [],
  waitMs = 0,
): Decision {
  const { config, nowMs, attempt } = state;
  if (!mayLead(state)) return backOff(state);
  if (config.mode === "arbiter") return seek(state, reason);
  if (config.mode === "available") return claim(state, reason);
  const isRefused = config.leaseBreak === "refused" && refusedBy.length > 0;
  const ownMs = refusesForMs(isRefused ? { ...state, bond: undefined } : state, selfOf(state));
  const voteAtMs = nowMs + Math.max(waitMs, ownMs);
  if (voteAtMs <= nowMs) return startVote(state, reason, refusedBy);
  // All who agreed early would ask at one moment, when the old leader's time is over: in turn again.
  const turnMs = placeOf(state, state.loss?.of?.member) * config.timing.staggerMs;
  if (voteAtMs > nowMs + 2 * config.timing.stickinessMs) return backOff(state);
  return stay({
    ...state,
    role: { at: "armed", attempt, reason, voteAtMs: voteAtMs + turnMs, refusedBy },
  });
}

/** `available`: no vote. The term is on disk before anybody hears of it. */
export function claim(state: State, reason: Reason): Decision {
  const term = nextTerm(state);
  const attempt = state.attempt + 1;
  const claiming: State = {
    ...noticeTerm(state, term),
    attempt,
    role: {
      at: "candidate",
      attempt,
      reason,
      term,
      sentAtMs: undefined,
      grants: [state.config.self],
      denials: [],
      refusedBy: [],
    },
  };
  const saved = save(claiming, { promised: term, votedFor: selfOf(state) });
  if (!state.config.rules.durableVotes) return and(saved, (next) => onClaimed(next, attempt, term));
  return and(saved, (next) => hold(next, { kind: "claim", attempt, term }));
}

export function onClaimed(state: State, attempt: number, term: number): Decision {
  const { role, nowMs, record } = state;
  if (role.at !== "candidate" || role.attempt !== attempt || record.promised !== term) {
    return stay(state);
  }
  // Whoever answered the inquiry belongs to the first view; its acknowledgements keep it there.
  const grantedBy = record.voters.members.flatMap(({ id }) => {
    const heardAtMs = state.peers[id]?.heardAtMs ?? Number.NEGATIVE_INFINITY;
    return heardAtMs > nowMs - state.config.timing.stickinessMs ? [id] : [];
  });
  return becomeLeader(state, { term, sentAtMs: nowMs, grantedBy, lease: undefined });
}
