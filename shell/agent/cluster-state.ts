/**
 * What the cluster should be, as the agent persists it: the cluster file as it was last applied and
 * the wanted members of every service. Pure: each function returns the next state.
 *
 * The count of a service has two authors, the cluster file and `scale`. The rule is a three-way
 * merge: a count in the file takes effect when it differs from the count in the file that was
 * applied before; otherwise what `scale`, `add` and `rm` asked for stands. So `up` with an unchanged
 * file repairs and never undoes.
 */
import { ClusterError } from "@prunella/core/kernel";
import type { ClusterSpec, ServiceSpec } from "@prunella/spec";
import { grown, type Member, type Members, shrunk, takenNames } from "./membership.ts";

export type ClusterState = {
  readonly schema: 1;
  /** Grows with every agent that takes the folder over; orders the views of two agents. */
  readonly agentTerm: number;
  /** Undefined before the first `up` and after `down`. */
  readonly spec: ClusterSpec | undefined;
  /** The count of each service in the file that was applied last. */
  readonly fileCounts: Readonly<Record<string, number>>;
  readonly members: Members;
  /**
   * Of each quorum: the members that vote. They follow `members` one at a time, see `voter-steps.ts`.
   */
  readonly voters: Members;
  /**
   * Variables that every instance inherits, as they were at the first `up`. They are kept, because
   * a later agent may be started from another shell, and no instance should be restarted for that.
   */
  readonly inheritedEnv: Readonly<Record<string, string>>;
  /** Host names of copies that died, and the instance they belonged to; the newest 200. */
  readonly formerHostnames: Readonly<Record<string, string>>;
};

const formerHostnamesMax = 200;

export const emptyState: ClusterState = {
  schema: 1,
  agentTerm: 0,
  spec: undefined,
  fileCounts: {},
  members: {},
  voters: {},
  inheritedEnv: {},
  formerHostnames: {},
};

/** Which names are in use by copies of other services than this one, also by those on their way out. */
export type BusyNames = (service: string) => Iterable<string>;

/** Takes a new cluster file over. */
export function applied(
  state: ClusterState,
  spec: ClusterSpec,
  busy: BusyNames = () => [],
): ClusterState {
  let members: Members = Object.fromEntries(
    Object.entries(state.members).filter(([name]) => spec.services[name] !== undefined),
  );
  for (const [name, service] of Object.entries(spec.services)) {
    const current = members[name] ?? [];
    const count = mergedCount(service, state.fileCounts[name], current.length);
    members = { ...members, [name]: resized(members, name, service, count, busy) };
  }
  const fileCounts = Object.fromEntries(
    Object.entries(spec.services).map(([name, service]) => [name, service.count]),
  );
  return { ...state, spec, fileCounts, members, voters: firstVoters(state.voters, spec, members) };
}

/** A quorum begins with all its members; from then on they come and go one at a time. */
function firstVoters(voters: Members, spec: ClusterSpec, members: Members): Members {
  const quorums = Object.keys(spec.services).filter((name) => isQuorum(spec.services[name]));
  return Object.fromEntries(
    quorums.map((name) => {
      const known = voters[name] ?? [];
      return [name, known.length > 0 ? known : (members[name] ?? [])];
    }),
  );
}

function isQuorum(service: ServiceSpec | undefined): boolean {
  return service?.kind === "elected" && service.election.mode === "quorum";
}

/** The members that run: those that are wanted, but for a quorum, which changes one at a time. */
export function runningMembers(state: ClusterState, name: string): readonly Member[] {
  return state.voters[name] ?? membersOf(state, name);
}

/** Members that are wanted, and then those that still vote although they are not. */
export function knownMembers(state: ClusterState, name: string): readonly Member[] {
  const wanted = membersOf(state, name);
  const names = new Set(wanted.map((member) => member.name));
  return [...wanted, ...runningMembers(state, name).filter((member) => !names.has(member.name))];
}

/** The count that a service gets when its file says `service.count`. */
export function mergedCount(
  service: ServiceSpec,
  fileCountBefore: number | undefined,
  live: number,
): number {
  const wish = fileCountBefore === service.count ? live : service.count;
  return Math.min(Math.max(wish, service.scale.min), service.scale.max);
}

/**
 * @throws ClusterError `SERVICE_UNKNOWN`, `COUNT_OUT_OF_RANGE`.
 */
export function scaled(
  state: ClusterState,
  name: string,
  count: number,
  busy: BusyNames = () => [],
): ClusterState {
  const service = serviceOf(state, name);
  const { min, max } = service.scale;
  if (count < min || count > max) {
    throw new ClusterError("COUNT_OUT_OF_RANGE", {
      message: `${name} may have ${min} to ${max} instances, not ${count}. Change scale.min or scale.max of ${name} in the cluster file, then run: prunella up`,
      details: { service: name, count, min, max },
    });
  }
  const members = resized(state.members, name, service, count, busy);
  return withService(state, name, members);
}

/** Replaces the members of one service. */
export function withService(
  state: ClusterState,
  name: string,
  members: readonly Member[],
): ClusterState {
  return { ...state, members: { ...state.members, [name]: members } };
}

/** Remembers whose host name this was, so that one can still ask about it. */
export function withFormerHostname(
  state: ClusterState,
  hostname: string,
  instance: string,
): ClusterState {
  const kept = Object.entries(state.formerHostnames).slice(1 - formerHostnamesMax);
  return { ...state, formerHostnames: { ...Object.fromEntries(kept), [hostname]: instance } };
}

/** Nothing is wanted any more; the term stays, so that gateways never go back. */
export function ended(state: ClusterState): ClusterState {
  return { ...emptyState, agentTerm: state.agentTerm };
}

/**
 * @throws ClusterError `SERVICE_UNKNOWN` that lists the services there are.
 */
export function serviceOf(state: ClusterState, name: string): ServiceSpec {
  const service = state.spec?.services[name];
  if (service !== undefined) return service;
  const known = Object.keys(state.spec?.services ?? {});
  throw new ClusterError("SERVICE_UNKNOWN", {
    message: `There is no service "${name}". ${known.length === 0 ? "No cluster file was applied yet; run: prunella up" : `Services: ${known.join(", ")}.`}`,
    details: { service: name, known },
  });
}

export function membersOf(state: ClusterState, name: string): readonly Member[] {
  return state.members[name] ?? [];
}

function resized(
  members: Members,
  name: string,
  service: ServiceSpec,
  count: number,
  busy: BusyNames,
): readonly Member[] {
  const current = members[name] ?? [];
  if (count <= current.length) return shrunk(current, current.length - count);
  const naming = {
    service: name,
    compat: service.compat === "load-balancer",
    taken: new Set([...takenNames(members), ...busy(name)]),
  };
  return grown(current, count - current.length, naming);
}
