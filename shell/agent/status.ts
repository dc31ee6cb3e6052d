/** The answer to `GET /v1/status`: what is wanted beside what is there. Pure. */
import type { Instance } from "@prunella/runtime";
import type { ClusterStatus, InstanceStatus, ServiceStatus } from "@prunella/wire/control";
import { type ClusterState, knownMembers, membersOf } from "./cluster-state.ts";
import type { Member } from "./membership.ts";

/** Name of the service that the gateways form; no service of a cluster file may have it. */
export const gatewayService = "gateway";

export type AgentFacts = ClusterStatus["agent"];

/** What the agent knows of the leader of an elected service. */
export type Leading = {
  readonly term: (service: string) => number;
  readonly leads: (service: string, instance: string, incarnation: number) => boolean;
};

const nobodyLeads: Leading = { term: () => 0, leads: () => false };

export function clusterStatus(
  state: ClusterState,
  instances: readonly Instance[],
  agent: AgentFacts,
  viewsDelivered: boolean,
  leading: Leading = nobodyLeads,
): Omit<ClusterStatus, "troubles"> {
  const services = Object.keys(state.spec?.services ?? {}).map((name) =>
    serviceStatus(state, name, instances, leading),
  );
  const gateways = instances.filter((instance) => instance.service === gatewayService);
  const leaving = new Set(
    instances.filter((instance) => instance.leaving).map(({ name }) => `${name}`),
  );
  const wanted = services.flatMap((service) => service.instances);
  const unsettled = [
    ...wanted.filter(({ ready, name }) => !ready && !leaving.has(name)).map(sentence),
    ...gateways.filter(({ phase }) => phase !== "serving").map(sentence),
    ...[...leaving].map((name) => `${name} is on its way out`),
    ...services.flatMap((service) => electionSentences(state, service)),
    ...(viewsDelivered ? [] : ["a gateway has not taken the newest view yet"]),
  ];
  return {
    cluster: state.spec?.name ?? "",
    services,
    gateways: gateways.map((instance) => instanceStatus(instance, instance.name)),
    agent,
    url: clientUrl(state),
    converged: unsettled.length === 0,
    unsettled,
  };
}

/** What an election still owes: a leader, and voters that wait for their turn. */
function electionSentences(state: ClusterState, service: ServiceStatus): readonly string[] {
  if (service.kind !== "elected") return [];
  const { name, desired, instances } = service;
  const wanted = new Set(membersOf(state, name).map((member) => member.name));
  const extra = knownMembers(state, name).filter((member) => !wanted.has(member.name));
  return [
    ...(desired > 0 && !instances.some(({ leads }) => leads === true)
      ? [`${name}: ${nobodyLeadsText(instances)}`]
      : []),
    ...extra.map((member) => `${member.name}: leaves when its turn comes, one voter at a time`),
  ];
}

function nobodyLeadsText(instances: readonly InstanceStatus[]): string {
  const isFirst = instances.every(({ term }) => term === 0);
  return isFirst
    ? "nobody has led yet; if it stays so, its program does not take part in the election, or its log says why"
    : "nobody leads right now; if it stays so, its log says why";
}

function sentence({ name, reason }: { readonly name: string; readonly reason: string }): string {
  return `${name}: ${reason}`;
}

export function serviceStatus(
  state: ClusterState,
  name: string,
  instances: readonly Instance[],
  leading: Leading,
): ServiceStatus {
  const own = instances.filter((instance) => instance.service === name);
  const observed = new Map(own.map((instance) => [`${instance.name}`, instance]));
  const members = membersOf(state, name);
  const known = knownMembers(state, name);
  const names = new Set(known.map((member) => member.name));
  const leaving = own.filter((instance) => !names.has(instance.name));
  const kind = state.spec?.services[name]?.kind ?? "replicas";
  const list = [
    ...known.map((member) => memberStatus(member, observed.get(member.name))),
    ...leaving.map((instance) => instanceStatus(instance, instance.name)),
  ].map((status) => (kind === "elected" ? withLead(status, name, leading) : status));
  return {
    name,
    kind,
    desired: members.length,
    ready: members.filter((member) => isReady(observed.get(member.name))).length,
    instances: list,
  };
}

function withLead(status: InstanceStatus, service: string, leading: Leading): InstanceStatus {
  const { name, incarnation } = status;
  const leads = leading.leads(service, name, incarnation);
  return { ...status, leads, term: leading.term(service) };
}

function memberStatus(member: Member, instance: Instance | undefined): InstanceStatus {
  if (instance !== undefined) return instanceStatus(instance, member.hostname);
  return {
    name: member.name,
    hostname: member.hostname,
    incarnation: 0,
    phase: "waiting",
    ready: false,
    pid: null,
    address: null,
    restarts: 0,
    startedAt: null,
    cpu: null,
    memoryMiB: null,
    reason: "wanted, not launched yet",
  };
}

function instanceStatus(instance: Instance, hostname: string): InstanceStatus {
  const { address, startedAtMs } = instance;
  return {
    name: instance.name,
    hostname,
    incarnation: instance.incarnation,
    phase: instance.phase,
    ready: isReady(instance),
    pid: instance.pid ?? null,
    address: address === undefined ? null : `${address.host}:${address.port}`,
    restarts: Math.max(0, instance.incarnation - 1),
    startedAt: startedAtMs === undefined ? null : new Date(startedAtMs).toISOString(),
    cpu: instance.cpu ?? null,
    memoryMiB: instance.memoryMiB ?? null,
    reason: instance.reason,
  };
}

export function isReady(instance: Instance | undefined): boolean {
  return instance?.phase === "serving" || instance?.phase === "suspect";
}

/** Where a client on this machine connects. */
function clientUrl(state: ClusterState): string {
  if (state.spec === undefined) return "";
  const { host, port } = state.spec.gateway;
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host;
  return `http://${reachable.includes(":") && !reachable.startsWith("[") ? `[${reachable}]` : reachable}:${port}`;
}
