/**
 * Leading: rounds of heartbeats, and the lease that acknowledged rounds extend.
 *
 * A lease counts from when its round was *sent*. A voter hears the round later than that, and stays
 * with this leader for `stickinessMs` from then on; so a majority of voters refuses every rival for
 * longer than the leader believes its lease to last, by twice the greatest error of a clock.
 *
 *   leader   |send----------------lease (stickiness less drift)----------------|
 *   voter        |heard-------------------stickiness---------------------------------|
 *
 * A new leader announces itself at once, and serves only after every fenced resource has seen its
 * token: otherwise a write of the last leader, still on its way, would be accepted after the change.
 */
import type { MemberId } from "../kernel/index.ts";
import { leaseMs, recordLeaseLeftMs } from "./config.ts";
import { isVoter, otherMembers, otherVoters, remember, save, tailOf } from "./durability.ts";
import type { Effect } from "./effect.ts";
import { covers } from "./evidence.ts";
import type { EndOfLeadership, HistoryRow } from "./history.ts";
import { majorityOf, type Voters } from "./member.ts";
import type { Reason } from "./message.ts";
import {
  and,
  type Decision,
  type Leading,
  type RecordLease,
  type State,
  selfOf,
  stay,
  wallMs,
} from "./state.ts";
import { successorsOf } from "./succession.ts";
import { noticeTerm, tokenOf } from "./term.ts";

const roundsMax = 16;
/** From so many members on, voters pass heartbeats on to observers. */
const relayMin = 50;
/** A resource that cannot be fenced for so many stickiness periods ends the leadership. */
const fencingPeriods = 3;

export type Elected = {
  readonly term: number;
  /** When what gave the leadership was sent: votes, an inquiry, or the write of a record. */
  readonly sentAtMs: number;
  readonly grantedBy: readonly MemberId[];
  readonly lease: RecordLease | undefined;
};

export function becomeLeader(state: State, elected: Elected): Decision {
  const { term, sentAtMs, grantedBy, lease } = elected;
  const { config, nowMs } = state;
  const token = tokenOf(state, term);
  const acked = Object.fromEntries([...grantedBy, config.self].map((id) => [id, sentAtMs]));
  const leading: Leading = {
    at: "leader",
    term,
    token,
    phase: "fencing",
    sinceMs: nowMs,
    leaseUntilMs: sentAtMs + leaseLengthMs(state),
    seq: 0,
    rounds: [],
    acked,
    nextRoundMs: nowMs,
    handover: undefined,
    pending: undefined,
    lease,
  };
  const led = noticeTerm(state, term);
  const next = and(rememberChange({ ...led, bond: undefined, suspicion: undefined }, term), (s) =>
    stay({ ...s, role: leading, failureCount: 0, loss: undefined, refused: undefined }),
  );
  const leader = { ...selfOf(state), term };
  const stamped = and(next, (s) => stampVoters(s, leading));
  const told = and(stamped, (s) => stay(s, { type: "follow", leader }));
  const announced = and(told, sendRound);
  if (!config.rules.fenceFirst) return and(announced, (s) => onFenced(s, term));
  return and(announced, (s) => stay(s, { type: "fence", term, token }));
}

function leaseLengthMs({ config }: State): number {
  return config.mode === "arbiter" ? recordLeaseLeftMs(config) : leaseMs(config);
}

/** The row of the last leadership gets its end, and the new one begins. */
function rememberChange(state: State, term: number): Decision {
  const { loss, nowMs } = state;
  const own: HistoryRow = { term, leader: selfOf(state), fromMs: wallMs(state) };
  if (loss?.of === undefined) return remember(state, [...forgotten(state), own]);
  const { of } = loss;
  const old = state.record.history.find((row) => row.term === of.term);
  const reason = state.proofs.find((proof) => covers(proof, of))?.how ?? loss.reason;
  const ended: HistoryRow = {
    term: of.term,
    leader: { member: of.member, boot: of.boot },
    fromMs: old?.fromMs ?? wallMs(state, loss.heardAtMs),
    toMs: old?.toMs ?? wallMs(state, loss.heardAtMs),
    why: old?.why ?? ends[reason],
    detectMs: Math.round(loss.suspectedAtMs - loss.heardAtMs),
    electMs: Math.round(nowMs - loss.suspectedAtMs),
    ...(reason === "exited" || reason === "resigned" ? { proof: reason } : {}),
  };
  return remember(state, [ended, own]);
}

/** The last leadership of an earlier life of this process: it has ended, and nobody has told how. */
function forgotten(state: State): readonly HistoryRow[] {
  const last = state.record.history.at(-1);
  if (last === undefined || last.toMs !== undefined) return [];
  const toMs = Math.max(last.fromMs, wallMs(state, state.startedAtMs));
  return [{ ...last, toMs, why: last.leader.member === state.config.self ? "crash" : "silence" }];
}

const ends: Readonly<Record<Reason, EndOfLeadership>> = {
  "cold-start": "silence",
  silence: "silence",
  refused: "crash",
  exited: "crash",
  resigned: "resign",
  asked: "preempted",
};

/**
 * A leader signs the voters with its own term before it may change them. Whoever missed the last
 * change of an earlier leader then knows an older set than a majority does, and is refused.
 */
function stampVoters(state: State, leading: Leading): Decision {
  if (state.config.mode !== "quorum") return save(state, {});
  const previous = state.record.voters;
  const voters: Voters = { ...previous, term: leading.term };
  const role: Leading = { ...leading, pending: { previous, ackedBy: [] } };
  return save({ ...state, role }, { voters });
}

/** One round: an announcement to everybody, which is a heartbeat too. */
export function sendRound(state: State): Decision {
  const { role, nowMs, config } = state;
  if (role.at !== "leader") return stay(state);
  const seq = role.seq + 1;
  const leading: Leading = {
    ...role,
    seq,
    rounds: [...role.rounds, { seq, sentAtMs: nowMs }].slice(-roundsMax),
    acked: { ...role.acked, [config.self]: nowMs },
    nextRoundMs: nowMs + config.timing.heartbeatMs,
  };
  const next = renew({ ...state, role: leading }, leading);
  return { state: next, effects: announcements(next, leading) };
}

function announcements(state: State, leading: Leading): readonly Effect[] {
  const voters = otherVoters(state);
  // Until a change is agreed on, whoever it removes still counts, and has to hear of it.
  const previous = leading.pending?.previous.members ?? [];
  const removed = previous.flatMap(({ id }) => (isVoter(state, id) ? [] : [id]));
  const everybody = [...new Set([...otherMembers(state), ...removed])].filter(
    (id) => id !== state.config.self,
  );
  const relays =
    everybody.length < relayMin ? [] : voters.filter((id) => isFresh(state, leading, id));
  const observers = everybody.slice(voters.length);
  const direct = relays.length === 0 ? everybody : voters;
  const message = {
    kind: "announce",
    leader: selfOf(state),
    term: leading.term,
    token: leading.token,
    seq: leading.seq,
    sentAtMs: state.nowMs,
    phase: leading.phase,
    successors: successorsOf(state, leading),
    viewSize: viewSize(state, leading),
    history: tailOf(state),
    voters: state.record.voters,
  } as const;
  return direct.map((to) => {
    const place = relays.indexOf(to);
    if (place < 0) return { type: "send", to, message };
    const relayTo = observers.filter((_, index) => index % relays.length === place);
    return { type: "send", to, message: { ...message, relayTo } };
  });
}

function isFresh({ nowMs, config }: State, { acked }: Leading, id: MemberId): boolean {
  return (acked[id] ?? Number.NEGATIVE_INFINITY) > nowMs - config.timing.stickinessMs;
}

/** How many voters, this one included, acknowledged a round within stickiness. */
export function viewSize(state: State, leading: Leading): number {
  return state.record.voters.members.filter(({ id }) => isFresh(state, leading, id)).length;
}

/** `mode` says how many have to stand behind a leader. */
export function neededOf(state: State, voters: Voters = state.record.voters): number {
  switch (state.config.mode) {
    case "quorum":
      return majorityOf(voters.members.length);
    case "available":
      return state.config.viewMin;
    default:
      return 1;
  }
}

/** Moves the end of the lease to what enough voters have acknowledged; it never moves back. */
function renew(state: State, leading: Leading): State {
  if (state.config.mode === "arbiter") return { ...state, role: leading };
  const sets = [state.record.voters, ...(leading.pending ? [leading.pending.previous] : [])];
  const untilMs = Math.min(
    ...sets.map((voters) => backedSinceMs(state, leading, voters) + leaseMs(state.config)),
  );
  const leaseUntilMs = Math.max(leading.leaseUntilMs, untilMs);
  return { ...state, role: { ...leading, leaseUntilMs } };
}

/** The send time of the latest round that enough of these voters have acknowledged. */
function backedSinceMs(state: State, { acked }: Leading, voters: Voters): number {
  const times = voters.members.map(({ id }) => acked[id] ?? Number.NEGATIVE_INFINITY);
  times.sort((a, b) => b - a);
  return times[neededOf(state, voters) - 1] ?? Number.NEGATIVE_INFINITY;
}

/** A voter has heard round `seq`. The caller has made sure that it answers this leadership. */
export function onAcknowledged(state: State, from: MemberId, seq: number): State {
  const { role, nowMs, config } = state;
  if (role.at !== "leader") return state;
  const isOldVoter = role.pending?.previous.members.some(({ id }) => id === from) === true;
  if (!isVoter(state, from) && !isOldVoter) return state;
  const round = role.rounds.find((sent) => sent.seq === seq);
  if (round === undefined) return state;
  const sinceMs = config.rules.leaseFromSendTime ? round.sentAtMs : nowMs;
  const acked = { ...role.acked, [from]: Math.max(role.acked[from] ?? 0, sinceMs) };
  return renew(state, { ...role, acked });
}

export function onFenced(state: State, term: number): Decision {
  const { role } = state;
  if (role.at !== "leader" || role.term !== term || role.phase !== "fencing") return stay(state);
  const { token, leaseUntilMs } = role;
  const leading: State = { ...state, role: { ...role, phase: "leading" } };
  return stay(leading, { type: "lead", term, token, leaseUntilMs });
}

/** When a leader that cannot fence its resources has to give up. */
export function fencingUntilMs(state: State, role: Leading): number {
  return role.sinceMs + fencingPeriods * state.config.timing.stickinessMs;
}
