/**
 * Builds the view that gateways obey, from what is wanted and what is observed. Pure.
 *
 * Members stand in wanted order; those on their way out follow, so that a gateway lets their
 * requests end. A parked or waiting member stays in the view: its keys come back to it.
 */
import { instanceName, serviceName } from "@prunella/core/kernel";
import type { Instance } from "@prunella/runtime";
import type { ServiceSpec } from "@prunella/spec";
import type { ElectionMember } from "@prunella/wire/election";
import type {
  LeaderView,
  MemberState,
  MemberView,
  ServiceView,
  TcpView,
  View,
} from "@prunella/wire/view";
import { type ClusterState, knownMembers, runningMembers } from "./cluster-state.ts";
import type { Member } from "./membership.ts";

const bytesPerMiB = 1024 * 1024;

/** Everything of a view but its place in the order of views. */
export type ViewContent = Omit<View, "agentTerm" | "version">;

export function viewContent(
  state: ClusterState,
  instances: readonly Instance[],
  controlUrl: string,
  leaderOf: (service: string) => LeaderView | undefined = () => undefined,
): ViewContent {
  const services = Object.entries(state.spec?.services ?? {}).map(([name, spec]): ServiceView => {
    const own = instances.filter((instance) => instance.service === name);
    const observed = new Map(own.map((instance) => [`${instance.name}`, instance]));
    const members = knownMembers(state, name);
    const leader = spec.kind === "elected" ? leaderOf(name) : undefined;
    const wanted = new Set(members.map((member) => member.name));
    const leaving = own.filter((instance) => !wanted.has(instance.name));
    return {
      name: serviceName(name),
      kind: spec.kind,
      ...(leader === undefined ? {} : { leader }),
      routes: spec.routes,
      keys: spec.keys,
      placement: spec.placement,
      seed: 0,
      ...(spec.compat === undefined ? {} : { compat: spec.compat }),
      ...tcpOf(state.spec?.gateway.host ?? "127.0.0.1", spec),
      traffic: spec.traffic,
      ...(spec.pipelining === undefined ? {} : { pipelining: spec.pipelining }),
      timeoutMs: spec.timeoutMs,
      bodyBytesMax: spec.bodyMiBMax * bytesPerMiB,
      members: [
        ...members.map((member) =>
          wantedMember(member, observed.get(member.name), spec.weights[member.name]),
        ),
        ...leaving.map(leavingMember),
      ],
    };
  });
  return { cluster: state.spec?.name ?? "", controlUrl, services };
}

/** Ports that gateways open for a service whose bytes are not HTTP. */
function tcpOf(host: string, { tcp, scale }: ServiceSpec): { readonly tcp?: readonly TcpView[] } {
  if (tcp.length === 0) return {};
  return {
    tcp: tcp.map(({ port, ...others }) => {
      // By member there are as many as the service may have members.
      const lastPort = others.by === "member" ? port + scale.max - 1 : port;
      return { host, firstPort: port, lastPort, ...others };
    }),
  };
}

/**
 * The members of an election as its electors are told of them, without their election ports: those
 * that take part from now on, and a leader that is on its way out but has not handed over yet.
 */
export function electionMembers(
  state: ClusterState,
  service: string,
  instances: readonly Instance[],
  leader: string | undefined,
): readonly Omit<ElectionMember, "electionPort">[] {
  const own = instances.filter((instance) => instance.service === service);
  const observed = new Map(own.map((instance) => [`${instance.name}`, instance]));
  const members = runningMembers(state, service);
  const names = new Set(members.map((member) => member.name));
  const views = [
    ...members.map((member) => wantedMember(member, observed.get(member.name))),
    ...own.filter(({ name }) => !names.has(name) && name === leader).map(leavingMember),
  ];
  return views.map(({ id, number, incarnation, host, port, state }) => ({
    ...{ name: id, number, incarnation, host, port: port === 0 ? null : port },
    pid: observed.get(id)?.pid ?? null,
    state,
  }));
}

function wantedMember(member: Member, instance: Instance | undefined, weight = 1): MemberView {
  return {
    id: instanceName(member.name),
    incarnation: instance?.incarnation ?? 0,
    host: instance?.address?.host ?? "127.0.0.1",
    port: instance?.address?.port ?? 0,
    weight,
    state: instance === undefined ? "starting" : stateOf(instance),
    served: instance?.served ?? false,
    number: member.number,
    hostname: member.hostname,
  };
}

function leavingMember(instance: Instance): MemberView {
  return {
    id: instance.name,
    incarnation: instance.incarnation,
    host: instance.address?.host ?? "127.0.0.1",
    port: instance.address?.port ?? 0,
    weight: 1,
    state: "leaving",
    served: instance.served,
    number: instance.number,
    hostname: instance.name,
  };
}

function stateOf(instance: Instance): MemberState {
  if (instance.leaving) return "leaving";
  switch (instance.phase) {
    case "serving":
    case "suspect":
      return "serving";
    case "draining":
    case "stopping": // Takes nothing new either, and its address is still its own.
      return "draining";
    default:
      return "starting";
  }
}
