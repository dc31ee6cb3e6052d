/**
 * Voters change one at a time. The leader signs the new set with its term and sends it with every
 * heartbeat; until a majority of the old set and of the new one have written it down, the lease needs
 * both. Two sets that differ in one voter share a voter in any two majorities, so no election under
 * the one can miss what was decided under the other.
 *
 * A new leader first has the set it found accepted under its own term. Without that, two leaders that
 * each change the set without finishing could leave two sets without a common voter.
 */
import type { MemberId } from "../kernel/index.ts";
import { isWritten, otherVoters, save } from "./durability.ts";
import { compareStamps, type Member, majorityOf, type Voters, type VotersStamp } from "./member.ts";
import { stepDown } from "./standing-down.ts";
import { and, type Decision, type Leading, type State, stay } from "./state.ts";

export function onMembersChanged(
  state: State,
  voters: readonly Member[],
  observers: readonly Member[],
): Decision {
  const next: State = { ...state, observers, wantedVoters: voters };
  const isNews = !isEqual(state.record.voters.members, voters);
  if (state.config.mode === "quorum") return changeVoters(next);
  if (!isNews) return stay(next);
  // Nobody votes: the members are who the shell says they are.
  const { term, version } = state.record.voters;
  return save(next, { voters: { term, version: version + 1, members: voters } });
}

/** A voter has acknowledged a round, and says which set it knows. */
export function onStampAcknowledged(state: State, from: MemberId, stamp: VotersStamp): Decision {
  const { role, record } = state;
  if (role.at !== "leader" || role.pending === undefined) return stay(state);
  if (compareStamps(stamp, record.voters) !== 0) return stay(state);
  const { previous, ackedBy } = role.pending;
  const known = ackedBy.includes(from) ? ackedBy : [...ackedBy, from];
  const all = isWritten(state) ? [...known, state.config.self] : known;
  const agrees = ({ members }: Voters): boolean =>
    members.filter(({ id }) => all.includes(id)).length >= majorityOf(members.length);
  const isAgreed = agrees(previous) && agrees(record.voters);
  const pending = isAgreed ? undefined : { previous, ackedBy: known };
  const next: State = { ...state, role: { ...role, pending } };
  return isAgreed ? and(stay(next), changeVoters) : stay(next);
}

/** The next single step towards the wanted voters, when the last one is agreed on. */
function changeVoters(state: State): Decision {
  const { role, record, wantedVoters, config } = state;
  if (role.at !== "leader" || role.pending !== undefined || wantedVoters === undefined) {
    return stay(state);
  }
  if (!record.voters.members.some(({ id }) => id === config.self)) return stepDown(state, "resign");
  const members = oneStep(record.voters.members, wantedVoters, config.self);
  if (members === undefined) return stay(state);
  const voters: Voters = { term: role.term, version: record.voters.version + 1, members };
  const leading: Leading = { ...role, pending: { previous: record.voters, ackedBy: [] } };
  return save({ ...state, role: leading }, { voters });
}

/** Adds before it removes, and removes the leader itself last. */
function oneStep(
  current: readonly Member[],
  wanted: readonly Member[],
  self: MemberId,
): readonly Member[] | undefined {
  const has = (set: readonly Member[], id: MemberId): boolean => set.some((one) => one.id === id);
  const added = wanted.find(({ id }) => !has(current, id));
  if (added !== undefined) return [...current, added];
  const left = current.filter(({ id }) => !has(wanted, id));
  const removed = left.find(({ id }) => id !== self) ?? left[0];
  if (removed !== undefined) return current.filter(({ id }) => id !== removed.id);
  const isRanked = current.every((one) => wanted.some((other) => isEqual([one], [other])));
  return isRanked ? undefined : wanted;
}

function isEqual(a: readonly Member[], b: readonly Member[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ id, number, priority }, index) => {
      const other = b[index];
      return other?.id === id && other.number === number && other.priority === priority;
    })
  );
}

/** How many of the others have to be reached to know what a majority knows. */
export function witnessesOf(state: State): number {
  const count = otherVoters(state).length + 1;
  return Math.floor((count - 1) / 2) + 1;
}
