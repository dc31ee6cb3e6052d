/**
 * Leader election after Garcia-Molina's Bully, for networks that lose, delay and cut, and processes
 * that pause: inquire, vote, announce. This file takes events to the parts that know what they mean.
 *
 *   follower ──suspects──► inquiring ──enough──► (armed) ──► candidate ──majority──► leader
 *      ▲  ▲                  │ live, too few        │            │ late, outbid        │ lease over,
 *      │  └──────────────────┴──────────────────────┴────────────┘                     │ outbid, asked
 *      └───────────────────────────────────────────────────────────────────────────────┘
 *
 * Safety, checked by the tests of this folder and by the simulator of the lab:
 *   S1   At most one process ever leads a term (quorum, arbiter).
 *   S2   A token belongs to one leadership; on one member tokens rise, across crashes too.
 *   S3   Leases never overlap while clocks keep their error bound and leaders are only ended by
 *        silence or proof (quorum, arbiter).
 *   S4   Per fenced resource accepted tokens never fall: a leader fences before it serves.
 *   S5   Nobody without a quorum (or smallest view) raises a term or turns out a connected leader.
 *   S6   A reply to an old attempt, boot, term or set of voters changes nothing.
 *   S7   A promise never falls, and is on disk before anybody hears of it.
 *   S8   What is unsigned, replayed or meant for others changes nothing.
 *   S9   The term that the outside is told never falls.
 *   S10  After a step-down nothing is asked for under the old term.
 *
 * Liveness, within B = stickiness * (1 + clock error) + 2 inquiries + vote + stagger * place + jitter:
 *   L1   With a quorum connected, there is a leader within B.
 *   L2   All connected members agree on it within B and two heartbeats.
 *   L3   With `preempt: after-stable` the best healthy member leads in the end; with `never`, nothing
 *        changes without a failure.
 *   L4   Without faults nothing changes.
 *   L5   A failover takes one term, two at most in 95 of 100.
 *   L6   A member that was cut off and comes back costs no term.
 *   L7   A cut around a follower, one way or both, costs no term.
 *   L8   A cold start in any order ends with one leader within the cold-start time and B.
 *
 * Sources: Garcia-Molina, Elections in a Distributed Computing System, 1982 (ranks, three rounds);
 * Ongaro, Consensus: Bridging Theory and Practice, 2014 (terms, pre-vote, one change at a time);
 * Gray and Cheriton, Leases, 1989. Where this differs and why: docs/protocol/election.md.
 */
import { rngFrom, unreachable } from "../kernel/index.ts";
import { onArbiter } from "./arbitration.ts";
import type { ElectionConfig } from "./config.ts";
import { onAnswered, onReceived } from "./correspondence.ts";
import { type DurableRecord, freshRecord } from "./durable-record.ts";
import type { Event } from "./event.ts";
import { askRelief, onResignAsked } from "./handover.ts";
import { onMembersChanged } from "./membership.ts";
import { onVotersReset } from "./recovering.ts";
import { onPersisted } from "./releasing.ts";
import { stepDown } from "./standing-down.ts";
import { and, type Decision, type Role, type State, stay } from "./state.ts";
import { onApp, onExited, onLink, onStalled } from "./surroundings.ts";
import { onTick, wakeAtMs } from "./timekeeping.ts";

export type StartedAt = {
  readonly atMs: number;
  /** The time of day: terms of a member without memory begin there. */
  readonly wallMs: number;
  readonly seed: number;
};

/**
 * The state of a process that has just started. `record` is what its folder holds; undefined when it
 * is empty, which only a voter that has never voted may say unless `memoryVoters` is set.
 */
export function start(
  config: ElectionConfig,
  record: DurableRecord | undefined,
  { atMs, wallMs, seed }: StartedAt,
): State {
  const { mode, timing, rules } = config;
  const hasVotes = mode === "quorum";
  const quarantineUntilMs = hasVotes && rules.restartQuarantine ? atMs + timing.stickinessMs : atMs;
  const forgets = hasVotes && config.memoryVoters && record === undefined && rules.amnesiaRule;
  const role: Role = forgets
    ? { at: "recovering", nonce: 0, askAtMs: quarantineUntilMs, answers: {} }
    : { at: "follower" };
  const known = record ?? freshRecord(config.voters);
  const firstTerm = Math.floor(wallMs); // A clock may count fractions, terms do not.
  return {
    config,
    rng: rngFrom(seed),
    startedAtMs: atMs,
    startedWallMs: wallMs,
    nowMs: atMs,
    record: known,
    writeId: 0,
    writtenId: 0,
    held: [],
    seen: known.promised === 0 ? firstTerm : known.promised,
    attempt: 0,
    askId: 0,
    role,
    bond: undefined,
    suspicion: undefined,
    loss: undefined,
    proofs: [],
    refused: undefined,
    successors: [],
    quarantineUntilMs,
    humbleUntilMs: atMs,
    holdUntilMs: atMs,
    failureCount: 0,
    doubtUntilMs: atMs,
    gaps: { meanMs: timing.heartbeatMs, varianceMs2: 0 },
    peers: {},
    doubleUntilMs: atMs,
    observers: config.observers,
    wantedVoters: undefined,
    app: {
      isHealthy: true,
      isStuck: false,
      isBusy: false,
      stateVersion: undefined,
      wellSinceMs: atMs,
    },
    relieveAtMs: atMs,
    askedReliefMs: atMs,
    preparing: undefined,
    observed: undefined,
  };
}

/** Never throws for anything that another member says; a clock that goes back stands still instead. */
export function step(state: State, event: Event): Decision {
  const nowMs = Math.max(state.nowMs, event.atMs);
  const lateMs = event.type === "tick" ? nowMs - wakeAtMs(state) : 0;
  const expired = expire({ ...state, nowMs });
  return and(expired, (next) =>
    event.type === "tick" ? onTick(next, lateMs) : decide(next, event),
  );
}

/** Whatever arrives after the lease has ended finds a follower. */
function expire(state: State): Decision {
  const { role, nowMs } = state;
  return role.at === "leader" && nowMs >= role.leaseUntilMs
    ? stepDown(state, role.handover?.why ?? "lease")
    : stay(state);
}

function decide(state: State, event: Exclude<Event, { type: "tick" }>): Decision {
  switch (event.type) {
    case "received":
      return onReceived(state, event);
    case "answered":
      return onAnswered(state, event);
    case "link":
      return onLink(state, event.member, event.is);
    case "exited":
      return onExited(state, event.process);
    case "persisted":
      return onPersisted(state, event.writeId);
    case "arbiter-answered":
      return onArbiter(state, event.askId, event.outcome);
    case "resign-asked":
      return onResignAsked(state, event.to, event.drainMs);
    case "promote-asked":
      return state.role.at === "leader" ? stay(state) : askRelief(state, true);
    case "app":
      return onApp(state, event.says);
    case "stalled":
      return onStalled(state, event.lateMs);
    case "members-changed":
      return onMembersChanged(state, event.voters, event.observers);
    case "voters-reset":
      return onVotersReset(state);
    default:
      return unreachable(event);
  }
}

/**
 * The leadership that holds at this moment by this clock, which protected work asks on every call: it
 * ends with the lease even if no timer ever fires.
 */
export function leadership(
  state: State,
  nowMs: number,
): { readonly term: number; readonly token: string; readonly leaseUntilMs: number } | undefined {
  const { role } = state;
  if (role.at !== "leader" || role.phase === "fencing" || nowMs >= role.leaseUntilMs) {
    return undefined;
  }
  return { term: role.term, token: role.token, leaseUntilMs: role.leaseUntilMs };
}
