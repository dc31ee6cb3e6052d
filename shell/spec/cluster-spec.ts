/**
 * The cluster file after validation: complete, with every default filled in. This is what the agent
 * acts on; `cluster-schema.ts` says what a person may write.
 */
import type { KeySource, Placement, RouteView, TcpView, TrafficView } from "@prunella/wire/view";

/** A port of a service, or with `by: "member"` the first of them. */
export type TcpSpec = { readonly port: number } & Pick<TcpView, "by" | "role" | "proxyProtocol">;

/** What every kind of service that runs a program has. */
type ProgramSpec = {
  /** Program and arguments, resolved; never a shell line. */
  readonly command: readonly string[];
  /** Absolute folder in which instances start. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly count: number;
  readonly scale: { readonly min: number; readonly max: number };
  readonly routes: readonly RouteView[];
  readonly keys: readonly KeySource[];
  readonly placement: Placement;
  readonly compat: "load-balancer" | undefined;
  /** GET and HEAD may share connections to an instance. */
  readonly pipelining: "safe" | undefined;
  readonly timeoutMs: number;
  readonly bodyMiBMax: number;
  /** Only what the file says: a gateway has defaults of its own. */
  readonly traffic: TrafficView;
  /** By instance name; 1 for those that are not named. */
  readonly weights: Readonly<Record<string, number>>;
  /** Ports of a service whose bytes are not HTTP, on the address of the gateway. */
  readonly tcp: readonly TcpSpec[];
  readonly probe: {
    readonly path: string | undefined;
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly failuresMax: number;
    readonly successesMin: number;
    readonly startupMs: number;
  };
  readonly stop: { readonly drainMs: number; readonly graceMs: number };
  readonly log: { readonly fileMiB: number; readonly filesMax: number };
};

export type ReplicasSpec = ProgramSpec & { readonly kind: "replicas" };

/** How the members of an elected service agree on their leader. */
export type ElectionSpec = {
  /**
   * `quorum`: a majority of the members. `arbiter`: one record that only one can change at a time.
   * `available`: whoever is reachable; two may lead for a while, and the fence sorts it out.
   */
  readonly mode: "quorum" | "arbiter" | "available";
  /** Name of a set of times that fit each other. */
  readonly timing: "demo" | "lan" | "k8s" | "safe" | "wan";
  /** Whether a better member takes the lead from one that is well. */
  readonly preempt: "never" | "after-stable" | "always";
  /** What lets voters elect before the lease of the old leader has run out. */
  readonly leaseBreak: "proof" | "refused";
  /** What a member that does not lead does with a request. */
  readonly followers: "proxy" | "redirect" | "refuse";
};

export type ElectedSpec = ProgramSpec & {
  readonly kind: "elected";
  readonly election: ElectionSpec;
};

export type ServiceSpec = ReplicasSpec | ElectedSpec;

export type ClusterSpec = {
  readonly name: string;
  readonly gateway: {
    readonly host: string;
    readonly port: number;
    /** Processes that share the port. */
    readonly count: number;
    /** Addresses whose forwarding headers are believed. */
    readonly trustedProxies: readonly string[];
    /** A number is a share of the requests. */
    readonly accessLog: boolean | number;
  };
  readonly services: Readonly<Record<string, ServiceSpec>>;
};

/** One step of a plan: what changes, why, and what it may cost. */
export type PlannedChange = {
  readonly action: "create" | "remove" | "scale" | "restart" | "reroute" | "keep";
  /** Service name, or `gateway`. */
  readonly service: string;
  readonly detail: string;
  readonly reason: string;
  readonly risk: "none" | "low" | "high";
  /** What the risk consists of, in one sentence; empty when there is none. */
  readonly riskDetail: string;
};
