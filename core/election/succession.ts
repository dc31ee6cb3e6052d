/**
 * Who should try next. The leader orders the others by whether they flap, by whether they
 * acknowledged lately, and by rank, and sends the list with every heartbeat; so nearly always exactly
 * one member tries when the leader is gone, however many notice at once. Without a list members rank.
 */
import type { MemberId } from "../kernel/index.ts";
import { isSuppressed } from "./damping.ts";
import { compareRank, type Ranked } from "./member.ts";
import { type Leading, type State, wallMs } from "./state.ts";

const successorsMax = 16;
/** Whoever stands further back in the order waits no longer than this many staggers. */
const indexMax = 10;

/** What the leader sends. */
export function successorsOf(state: State, leading: Leading): readonly MemberId[] {
  const { self, timing } = state.config;
  const freshSinceMs = state.nowMs - timing.stickinessMs;
  const isFresh = (id: MemberId): number => ((leading.acked[id] ?? -1) >= freshSinceMs ? 1 : 0);
  return byPreference(state, (a, b) => isFresh(b) - isFresh(a))
    .filter((id) => id !== self)
    .slice(0, successorsMax);
}

/** The place of this member among those that may try, 0 first; `gone` is left out. */
export function placeOf(state: State, gone: MemberId | undefined): number {
  const order = orderOf(state).filter((id) => id !== gone);
  const place = order.indexOf(state.config.self);
  return Math.min(place < 0 ? indexMax : place, indexMax);
}

/** True when `a` should try before `b`. */
export function outranks(state: State, a: MemberId, b: MemberId): boolean {
  const order = orderOf(state);
  const [left, right] = [order.indexOf(a), order.indexOf(b)];
  return left >= 0 && (right < 0 || left < right);
}

/** The leader's own list, followed by everybody else as they rank. */
function orderOf(state: State): readonly MemberId[] {
  const known = state.record.voters.members;
  const listed = state.successors.filter((id) => known.some((member) => member.id === id));
  if (listed.length >= known.length) return listed;
  return [...listed, ...byPreference(state).filter((id) => !listed.includes(id))];
}

function byPreference(
  state: State,
  first: (a: MemberId, b: MemberId) => number = () => 0,
): readonly MemberId[] {
  const { history } = state.record;
  const members = state.record.voters.members.map((member) => rankedOf(state, member.id, member));
  const flaps = new Set(
    members.flatMap(({ id }) => (isSuppressed(history, id, wallMs(state)) ? [id] : [])),
  );
  const last = state.config.bootstrapPrefer === "last-leader" ? lastLeader(state) : undefined;
  const isLast = (id: MemberId): number => (id === last ? 1 : 0);
  return [...members]
    .sort(
      (a, b) =>
        Number(flaps.has(a.id)) - Number(flaps.has(b.id)) ||
        isLast(b.id) - isLast(a.id) ||
        first(a.id, b.id) ||
        compareRank(b, a),
    )
    .map(({ id }) => id);
}

export function rankedOf(state: State, id: MemberId, member: Omit<Ranked, "id">): Ranked {
  const { self } = state.config;
  const stateVersion = id === self ? state.app.stateVersion : state.peers[id]?.stateVersion;
  return { ...member, id, stateVersion };
}

/** Before anybody has led, `last-leader` looks into the history that was on disk. */
function lastLeader(state: State): MemberId | undefined {
  return state.successors.length > 0 ? undefined : state.record.history.at(-1)?.leader.member;
}
