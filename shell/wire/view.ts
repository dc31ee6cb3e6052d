/**
 * The view: the versioned membership that the agent publishes and every gateway obeys.
 *
 * A view is always whole, never a delta. A gateway applies it if and only if
 * `(agentTerm, version)` is lexicographically greater than what it has; it keeps serving on its
 * last view when the agent is gone. This module loads no library, because a gateway must be back
 * within 300 ms of its death and reads its last view from disk while it starts.
 */
import { ClusterError, type MemberId, type ServiceName } from "@prunella/core/kernel";

export type MemberState = "starting" | "serving" | "draining" | "leaving" | "detached";

export type MemberView = {
  readonly id: MemberId;
  readonly incarnation: number;
  readonly host: string;
  readonly port: number;
  /** Share of the load relative to its siblings, in (0, 100]. */
  readonly weight: number;
  readonly state: MemberState;
  /** Place in the source's map, from 1; stable over restarts. */
  readonly number: number;
  /**
   * True once it has served in any incarnation. The placement holds exactly the members that are
   * `served` or `serving`, and neither `leaving` nor `detached`: so all gateways agree on it, and a
   * restart moves no key.
   */
  readonly served: boolean;
  /** Name that the load-balancer API shows; differs from `id` in compatibility mode only. */
  readonly hostname: string;
};

export type RouteView = {
  /** Undefined matches any host. `*.example.org` matches every name below it. */
  readonly host?: string;
  /** Path prefix on segment boundaries, starting with `/`. */
  readonly prefix: string;
};

/** Where the hash key of a request comes from; the first source that yields a key wins. */
export type KeySource =
  | { readonly from: "request" }
  | { readonly from: "path" }
  | { readonly from: "client" }
  | { readonly from: "query" | "header" | "cookie"; readonly name: string };

export type Placement = "default" | "seed-512";

/** Ports of a service whose bytes are not interpreted. */
export type TcpView = {
  readonly host: string;
  readonly firstPort: number;
  readonly lastPort: number;
  /**
   * `service`: one port, whose connections go to whoever has the role. `member`: the port of a member
   * is `firstPort + number - 1`; it stays when the member is gone. `first-frame`: one port, and the
   * first line of a connection names the member (`member-frame.ts`).
   */
  readonly by: "service" | "member" | "first-frame";
  /**
   * Of a port by service. `primary`: the leader of an elected service. `replicas`: the one with the
   * fewest connections; of an elected service one that does not lead, as long as there is one. Absent:
   * the first for elected services, the second for others.
   */
  readonly role?: "primary" | "replicas";
  /** Members are told who the client is, in a header before its bytes. */
  readonly proxyProtocol?: "v2";
};

/**
 * Who leads an elected service, as its electors told the agent. Terms never fall within a service,
 * whatever happens to agents; a term has one leader, which is one incarnation of one member.
 */
export type LeaderView = {
  readonly member: MemberId;
  readonly incarnation: number;
  readonly term: number;
  /** While it hands over, requests wait for the leader of the next term. */
  readonly state: "leading" | "handing-over";
  /** The leader before it left by itself, after it had answered what it had accepted. */
  readonly handedOver?: true;
};

/** How a gateway treats the requests of a service; what is absent is left to its defaults. */
export type TrafficView = {
  /** Bound of one try, until the response begins. Absent: only `timeoutMs` bounds it. */
  readonly tryTimeoutMs?: number;
  /** A request that carries `Idempotency-Key` may be sent twice, whatever its method. */
  readonly retryUnsafe?: "idempotency-key";
  /** Requests that one gateway process may have at one instance; beyond it they wait. */
  readonly maxInFlight?: number;
  /** How long a request waits when no instance may take it. */
  readonly holdMs?: number;
  /** How long an instance that begins to serve gets less than its share; 0 is not at all. */
  readonly slowStartMs?: number;
  /** An instance may have that many times its fair share of what is in flight. */
  readonly loadBound?: number;
  /** Faults in a row after which a gateway leaves an instance out for a while; 0 is never. */
  readonly ejectAfter?: number;
};

export type ServiceView = {
  readonly name: ServiceName;
  readonly kind: "replicas" | "elected";
  /** Elected services only; absent while nobody leads. */
  readonly leader?: LeaderView;
  /**
   * What an instance of an elected service does with a request that is not for it: pass it to the
   * leader it knows, answer with its address, or refuse. A gateway that has no news of a leader asks
   * followers only if they pass requests on.
   */
  readonly followers?: "proxy" | "redirect" | "refuse";
  /** An answer that has begun under an overtaken leader may end: it cannot become wrong. */
  readonly finishStarted?: boolean;
  readonly routes: readonly RouteView[];
  readonly keys: readonly KeySource[];
  readonly placement: Placement;
  /** Start value of the key hash; equal in all gateways of a cluster. */
  readonly seed: number;
  /** Switches the source's endpoints `/rep`, `/add` and `/rm` on. */
  readonly compat?: "load-balancer";
  /**
   * GET and HEAD may share connections to an instance, one answer behind the other. Off unless said,
   * and always off for elected services.
   */
  readonly pipelining?: "safe";
  readonly tcp?: readonly TcpView[];
  readonly traffic?: TrafficView;
  /** Bound of all tries of one request together. */
  readonly timeoutMs: number;
  readonly bodyBytesMax: number;
  /** Placement order for the API of the source: the order in which members were wanted. */
  readonly members: readonly MemberView[];
};

export type View = {
  readonly cluster: string;
  readonly agentTerm: number;
  readonly version: number;
  /** Where the control API of the agent listens, for the compatibility calls. */
  readonly controlUrl: string;
  readonly services: readonly ServiceView[];
};

/** True when `next` may replace `current`. */
export function isNewer(next: View, current: View | undefined): boolean {
  if (current === undefined) return true;
  if (next.agentTerm !== current.agentTerm) return next.agentTerm > current.agentTerm;
  return next.version > current.version;
}

/**
 * Reads a view from parsed JSON.
 *
 * @throws ClusterError `REQUEST_INVALID` that names the first field which does not fit.
 */
export function parseView(value: unknown): View {
  const view = value as View;
  check(isRecord(value), "view must be an object");
  check(typeof view.cluster === "string", "cluster must be a string");
  check(Number.isSafeInteger(view.agentTerm) && view.agentTerm >= 0, "agentTerm must be a count");
  check(Number.isSafeInteger(view.version) && view.version >= 0, "version must be a count");
  check(typeof view.controlUrl === "string", "controlUrl must be a string");
  check(Array.isArray(view.services), "services must be a list");
  for (const service of view.services) checkService(service);
  return view;
}

const states: readonly MemberState[] = ["starting", "serving", "draining", "leaving", "detached"];

function checkService(service: ServiceView): void {
  check(isRecord(service) && typeof service.name === "string", "service.name must be a string");
  const at = `services.${service.name}`;
  check(["replicas", "elected"].includes(service.kind), `${at}.kind is unknown`);
  if (service.leader !== undefined) checkLeader(at, service);
  const followers = [undefined, "proxy", "redirect", "refuse"];
  check(followers.includes(service.followers), `${at}.followers is unknown`);
  const isFlag = [undefined, true, false].includes(service.finishStarted);
  check(isFlag, `${at}.finishStarted must be true or false`);
  check(Array.isArray(service.routes), `${at}.routes must be a list`);
  for (const route of service.routes) {
    check(
      isRecord(route) && typeof route.prefix === "string",
      `${at}.routes.prefix must be a path`,
    );
  }
  check(Array.isArray(service.keys) && service.keys.length > 0, `${at}.keys must be a list`);
  check(["default", "seed-512"].includes(service.placement), `${at}.placement is unknown`);
  check(Number.isSafeInteger(service.seed), `${at}.seed must be an integer`);
  check([undefined, "safe"].includes(service.pipelining), `${at}.pipelining must be "safe"`);
  if (service.tcp !== undefined) checkTcpList(at, service);
  if (service.traffic !== undefined) checkTraffic(`${at}.traffic`, service.traffic);
  check(service.timeoutMs > 0, `${at}.timeoutMs must be positive`);
  check(service.bodyBytesMax >= 0, `${at}.bodyBytesMax must not be negative`);
  check(Array.isArray(service.members), `${at}.members must be a list`);
  for (const member of service.members) checkMember(at, member);
}

/** Bounds what one view may make a gateway open. */
const tcpPortsMax = 1_000;

function checkTcpList(at: string, { kind, tcp }: ServiceView): void {
  check(Array.isArray(tcp), `${at}.tcp must be a list`);
  for (const entry of tcp ?? []) checkTcp(at, entry, kind);
}

function checkTcp(at: string, tcp: TcpView, kind: ServiceView["kind"]): void {
  check(isRecord(tcp) && typeof tcp.host === "string", `${at}.tcp.host must be an address`);
  const { firstPort, lastPort, by, role } = tcp;
  check(isPort(firstPort) && isPort(lastPort), `${at}.tcp ports must be from 1 to 65535`);
  check(lastPort >= firstPort, `${at}.tcp.lastPort must not be less than firstPort`);
  check(lastPort - firstPort < tcpPortsMax, `${at}.tcp may have ${tcpPortsMax} ports at most`);
  check(["service", "member", "first-frame"].includes(by), `${at}.tcp.by is unknown`);
  check(by === "member" || firstPort === lastPort, `${at}.tcp by ${by} has one port`);
  check([undefined, "primary", "replicas"].includes(role), `${at}.tcp.role is unknown`);
  check(role === undefined || by === "service", `${at}.tcp.role is for a port by service`);
  check(role !== "primary" || kind === "elected", `${at}.tcp.role needs a service that elects`);
  check([undefined, "v2"].includes(tcp.proxyProtocol), `${at}.tcp.proxyProtocol is unknown`);
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value < 65_536;
}

function checkTraffic(at: string, traffic: TrafficView): void {
  check(isRecord(traffic), `${at} must be an object`);
  const { tryTimeoutMs = 1, maxInFlight = 1, loadBound = 1 } = traffic;
  const { holdMs = 0, slowStartMs = 0, ejectAfter = 0 } = traffic;
  check(tryTimeoutMs > 0, `${at}.tryTimeoutMs must be positive`);
  check(isCount(maxInFlight) && maxInFlight > 0, `${at}.maxInFlight must be positive`);
  check(loadBound >= 1, `${at}.loadBound must be 1 or more`);
  check(isCount(holdMs), `${at}.holdMs must be a count`);
  check(isCount(slowStartMs), `${at}.slowStartMs must be a count`);
  check(isCount(ejectAfter), `${at}.ejectAfter must be a count`);
  const isKnown = [undefined, "idempotency-key"].includes(traffic.retryUnsafe);
  check(isKnown, `${at}.retryUnsafe is unknown`);
}

function checkLeader(at: string, { kind, leader }: ServiceView): void {
  check(kind === "elected", `${at}.leader is for elected services`);
  check(isRecord(leader), `${at}.leader must be an object`);
  check(typeof leader?.member === "string" && leader.member !== "", `${at}.leader.member`);
  check(isCount(leader?.incarnation), `${at}.leader.incarnation must be a count`);
  check(isCount(leader?.term) && leader?.term !== 0, `${at}.leader.term must be positive`);
  check(["leading", "handing-over"].includes(leader?.state ?? ""), `${at}.leader.state is unknown`);
  check([undefined, true].includes(leader?.handedOver), `${at}.leader.handedOver may be true`);
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function checkMember(at: string, member: MemberView): void {
  check(isRecord(member) && typeof member.id === "string", `${at}.members.id must be a string`);
  const where = `${at}.members.${member.id}`;
  check(Number.isSafeInteger(member.incarnation), `${where}.incarnation must be an integer`);
  check(typeof member.host === "string", `${where}.host must be a string`);
  check(Number.isInteger(member.port) && member.port >= 0 && member.port < 65_536, `${where}.port`);
  check(member.weight > 0 && member.weight <= 100, `${where}.weight must be in (0, 100]`);
  check(states.includes(member.state), `${where}.state is unknown`);
  check(typeof member.served === "boolean", `${where}.served must be a boolean`);
  // A copy that nobody wants any more may have lost its number with the agent that knew it.
  const numberMin = member.state === "leaving" ? 0 : 1;
  check(
    Number.isSafeInteger(member.number) && member.number >= numberMin,
    `${where}.number must be positive`,
  );
  check(typeof member.hostname === "string", `${where}.hostname must be a string`);
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function check(condition: boolean, message: string): void {
  if (!condition)
    throw new ClusterError("REQUEST_INVALID", { message: `The view is malformed: ${message}.` });
}
