/**
 * What is known about the end of a leadership, and how much each kind of evidence may do.
 *
 *   evidence                          starts an election    frees a voter from its leader
 *   silence                           after stickiness      after stickiness: that is the rule
 *   closed connection (P1)            no, it is redialled   never
 *   refused connection (P2)           at once               with `leaseBreak: refused`, by a majority
 *   exit told by a supervisor (P3)    at once               with `leaseBreak: proof` or `refused`
 *   the leader's own resignation      at once               always
 *
 * A connection may be closed by a proxy, an idle timer or a restarted sidecar, and a refusal may come
 * from a firewall. Only who owns the process can prove that it is gone.
 */
import { draw } from "../kernel/index.ts";
import { type Identity, isSame } from "./member.ts";
import type { LeaderRef, Proof, Reason } from "./message.ts";
import { type Bond, type Decision, type Role, type State, type Suspicion, stay } from "./state.ts";
import { placeOf } from "./succession.ts";

const proofsMax = 16;
/** Phi of 8 under normally distributed gaps: one wrong suspicion in 10^8 heartbeats. */
const deviationsAtPhi8 = 5.612;

export function covers(proof: Proof, leader: LeaderRef): boolean {
  return isSame(proof, leader) && (proof.how === "exited" || proof.term >= leader.term);
}

/** True when a voter may treat this leadership as ended, whatever it has heard from it. */
export function isEnded(state: State, leader: LeaderRef): boolean {
  return state.proofs.some(
    (proof) =>
      covers(proof, leader) && (proof.how === "resigned" || state.config.leaseBreak !== "never"),
  );
}

/** True when this member has seen enough to start an election before silence has lasted. */
export function isDoubted(state: State, leader: LeaderRef): boolean {
  return isRefused(state, leader) || state.proofs.some((proof) => covers(proof, leader));
}

export function isRefused(state: State, leader: LeaderRef): boolean {
  return isSame(state.refused, leader) && state.refused?.term === leader.term;
}

/** Remembers a proof. The bond to that leader ends with it, if proofs may do that here. */
export function addProof(state: State, proof: Proof | undefined): Decision {
  if (
    proof === undefined ||
    isSame(proof, { member: state.config.self, boot: state.config.boot })
  ) {
    return stay(state);
  }
  const isKnown = state.proofs.some(
    (old) => isSame(old, proof) && old.how === proof.how && old.term >= proof.term,
  );
  if (isKnown) return stay(state);
  const proofs = [...state.proofs, proof].slice(-proofsMax);
  const known = { ...state, proofs };
  const { bond } = known;
  if (bond === undefined || !covers(proof, bond)) return stay(known);
  return suspect(known, proof.how);
}

/**
 * Plans an inquiry, later for members further back in the order, or earlier than planned when the
 * new evidence is stronger. A bond that may be broken is gone with it, and so is what rested on it:
 * an inquiry without the proof, which others would answer with `live`, and the pause after one.
 *
 * After a proof the first in the order does not wait at all. Chance only parts members that notice
 * the same silence at the same moment; here nobody else begins before a stagger is over.
 */
export function suspect(state: State, reason: Reason, delayMs = 0): Decision {
  const { bond, config, nowMs } = state;
  const { staggerMs, jitterMs } = config.timing;
  const { value, rng } = draw(state.rng);
  const place = placeOf(state, bond?.member ?? state.loss?.of?.member);
  const isFree = bond !== undefined && isEnded(state, bond);
  const chanceMs = isFree && place === 0 ? 0 : value * jitterMs;
  const startAtMs = nowMs + delayMs + place * staggerMs + chanceMs;
  const leader = bond === undefined ? state.loss?.of : refOf(bond);
  const loss = state.loss ?? {
    of: leader,
    heardAtMs: bond?.heardAtMs ?? state.startedAtMs,
    viewSize: bond?.isAnnounced === true ? bond.viewSize : 0,
    suspectedAtMs: nowMs,
    reason,
  };
  // What ended a candidate, or its successor, says nothing about the leader that was lost before.
  const isAboutLoss =
    leader === loss.of || (isSame(leader, loss.of) && leader?.term === loss.of?.term);
  const suspicion: Suspicion = { reason, startAtMs };
  const next: State = {
    ...state,
    rng,
    bond: isFree ? undefined : bond,
    loss: isAboutLoss ? { ...loss, reason } : loss,
    suspicion,
    role: isFree ? freed(state) : state.role,
    holdUntilMs: isFree ? Math.min(state.holdUntilMs, nowMs) : state.holdUntilMs,
  };
  return isFree
    ? stay(next, { type: "suspect", leader, reason }, { type: "follow", leader: undefined })
    : stay(next, { type: "suspect", leader, reason });
}

/** The role of a member that a leader does not bind any more. */
function freed({ role, nowMs }: State): Role {
  if (role.at === "inquiring") return { at: "follower" };
  return role.at === "armed" ? { ...role, voteAtMs: Math.min(role.voteAtMs, nowMs) } : role;
}

export function refOf({ member, boot, term }: LeaderRef): LeaderRef {
  return { member, boot, term };
}

/** When silence has lasted long enough: stickiness, or longer while heartbeats come irregularly. */
export function silentAtMs(state: State, bond: Bond): number {
  const { stickinessMs, heartbeatMs } = state.config.timing;
  const { meanMs, varianceMs2 } = state.gaps;
  const deviationMs = Math.max(Math.sqrt(varianceMs2), heartbeatMs / 4);
  const phiMs = bond.isAnnounced ? meanMs + deviationsAtPhi8 * deviationMs : 0;
  return bond.heardAtMs + Math.min(Math.max(phiMs, stickinessMs), 3 * stickinessMs);
}

/** A heartbeat was heard in time from whom this member believes to lead. */
export function hearsLeader(state: State): state is State & { readonly bond: Bond } {
  const { bond, nowMs, config } = state;
  return (
    bond?.isAnnounced === true &&
    nowMs < bond.heardAtMs + config.timing.stickinessMs &&
    !isDoubted(state, bond)
  );
}

/** How long this voter still has to refuse its vote to `asker`; infinite while it has no memory. */
export function refusesForMs(state: State, asker: Identity | undefined): number {
  const { bond, config, nowMs, role, quarantineUntilMs } = state;
  if (role.at === "recovering") return Number.POSITIVE_INFINITY;
  const quarantineMs = config.rules.restartQuarantine ? quarantineUntilMs - nowMs : 0;
  if (!config.rules.stickiness) return Math.max(0, quarantineMs);
  const leadsMs = role.at === "leader" ? role.leaseUntilMs - nowMs : 0;
  const isBound = bond !== undefined && !isSame(bond, asker) && !isEnded(state, bond);
  const boundMs = isBound ? bond.heardAtMs + config.timing.stickinessMs - nowMs : 0;
  return Math.max(0, quarantineMs, leadsMs, boundMs);
}
