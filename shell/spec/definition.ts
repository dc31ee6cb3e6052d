/**
 * What a person writes into a cluster file, as types for the editor and four helpers for the four
 * promises. The helpers check nothing: whatever they are given goes on as data to `cluster-schema.ts`,
 * which answers with file, line and column. This module loads no library, so a cluster file costs
 * nothing but its own lines.
 */

/** One way to a service: a path prefix, on any host or on one. */
export type RouteInput = string | { readonly host?: string; readonly prefix: string };

/** Where the hash key of a request comes from. */
export type KeyInput =
  | "request"
  | "path"
  | "client"
  | `header:${string}`
  | `query:${string}`
  | `cookie:${string}`;

export type HealthInput = {
  /** Path of an HTTP GET that answers 2xx or 3xx. Left out: a TCP connect is enough. */
  readonly path?: string;
  /** Time between two probes. Default 1000. */
  readonly intervalMs?: number;
  /** How long one probe may take. Default 500. */
  readonly timeoutMs?: number;
  /** Failures in a row before the instance counts as sick. Default 3. */
  readonly failuresMax?: number;
  /** Successes in a row before it counts as well again. Default 2. */
  readonly successesMin?: number;
  /** Time from launch to the first good probe. Default 30000. */
  readonly startupMs?: number;
};

export type TcpInput = {
  readonly port: number;
  /** Default `"service"`. */
  readonly by?: "service" | "member" | "first-frame";
  /** Who gets the connections of a port by service. Default: the leader, if there is one to elect. */
  readonly role?: "primary" | "replicas";
  /** Tells instances the client's address (PROXY protocol, version 2). Default: off. */
  readonly proxyProtocol?: "v2";
};

/** How gateways treat the requests of a service. */
export type TrafficInput = {
  /** Bound of one try until the response begins; then a sibling is asked. Default: none. */
  readonly tryTimeoutMs?: number;
  /** A request with `Idempotency-Key` may be sent twice, whatever its method. Default: off. */
  readonly retryUnsafe?: "idempotency-key";
  /** Requests that one gateway process may have at one instance at a time. Default 1024. */
  readonly maxInFlight?: number;
  /** How long a request waits when no instance may take it. Default 2000. */
  readonly holdMs?: number;
  /** How long an instance that starts beside warm ones gets less than its share. Default 5000. */
  readonly slowStartMs?: number;
  /** An instance may have that many times its fair share of what is in flight. Default 1.25. */
  readonly loadBound?: number;
  /** Faults in a row after which an instance is left out for a while; 0 is never. Default 5. */
  readonly ejectAfter?: number;
  /** Shares by instance name, for example `{ "hello-2": 0.5 }`. Default: 1 each. */
  readonly weights?: Readonly<Record<string, number>>;
  /**
   * Ports on the gateway's address for a service that does not speak HTTP. A number is one port for
   * the whole service; `by: "member"` gives each instance a port of its own, from `port` on; with
   * `by: "first-frame"` the first line of a connection names the instance.
   */
  readonly tcp?: number | TcpInput | readonly (number | TcpInput)[];
};

export type ReplicasInput = TrafficInput & {
  /**
   * The program: `"./server.ts"`, `"python3 app.py"` or `["program", "argument"]`. A JavaScript or
   * TypeScript file is run by the Node that runs Prunella. It listens on `PORT` and stops on SIGTERM.
   */
  readonly run: string | readonly string[];
  /** How many copies are kept alive. Default 1, or `scale.min` if that is more. */
  readonly count?: number;
  /** Bounds for `prunella scale`, `add` and `rm`. Default 1 to 100. */
  readonly scale?: { readonly min?: number; readonly max?: number };
  /** Which requests it gets, for example `"/"` or `{ host: "api.example.org", prefix: "/v1" }`. */
  readonly route?: RouteInput | readonly RouteInput[];
  /** What decides which instance a request goes to; the first source that yields a key. */
  readonly key?: KeyInput | readonly KeyInput[];
  /** How keys are placed on instances. Default `"default"`. */
  readonly hash?: "default" | "seed-512";
  /** Opens `/rep`, `/add` and `/rm` without a token, and brings `hash: "seed-512"`. */
  readonly compat?: "load-balancer";
  /**
   * GET and HEAD may share connections to an instance. For programs that answer each request exactly
   * once, in order and soon. Off unless said.
   */
  readonly pipelining?: "safe";
  /** How to find out whether an instance works. A string is the path of an HTTP GET. */
  readonly health?: string | HealthInput;
  /** Variables for the program, beside those that Prunella sets (`PORT`, `PRUNELLA_*`). */
  readonly env?: Readonly<Record<string, string>>;
  /** Folder to start in, relative to the cluster file. Default: the folder of the cluster file. */
  readonly folder?: string;
  /** How an instance is ended: finish requests for `drainMs`, SIGTERM, SIGKILL after `graceMs`. */
  readonly stop?: { readonly drainMs?: number; readonly graceMs?: number };
  /** How much of its output is kept: `filesMax` old files of `fileMiB` beside the current one. */
  readonly log?: { readonly fileMiB?: number; readonly filesMax?: number };
  /** Bound of all tries of one request together. Default 30000. */
  readonly timeoutMs?: number;
  /** Largest request body. Default 1024. */
  readonly bodyMiBMax?: number;
};

export type ReplicasDefinition = ReplicasInput & { readonly kind: "replicas" };

/** What shares requests out among replicas; an elected service sends all of them to its leader. */
type SharingField =
  | "key"
  | "hash"
  | "compat"
  | "pipelining"
  | "weights"
  | "loadBound"
  | "slowStartMs"
  | "ejectAfter";

export type ElectedInput = Omit<ReplicasInput, "count" | SharingField> & {
  /** How many copies are kept alive; one of them leads. Default 3. */
  readonly count?: number;
  /** Who decides who leads. Default `"quorum"`: a majority of 3 to 7 instances. */
  readonly mode?: "quorum" | "arbiter" | "available";
  /** How soon a silent leader is given up. Default `"lan"`: after 600 ms. */
  readonly timing?: "demo" | "lan" | "k8s" | "safe" | "wan";
  /** Whether a member of higher rank takes the lead over from one that is well. Default `"never"`. */
  readonly preempt?: "never" | "after-stable" | "always";
  /** What ends the lease of an old leader early. Default `"proof"` that its process has ended. */
  readonly leaseBreak?: "proof" | "refused";
  /** What an instance that does not lead does with a request. Default `"proxy"`. */
  readonly followers?: "proxy" | "redirect" | "refuse";
};

export type ElectedDefinition = ElectedInput & { readonly kind: "elected" };

export type GatewayInput = {
  /** Address to listen on. Default `"127.0.0.1"`: this machine only. */
  readonly host?: string;
  /** Default 5000. */
  readonly port?: number;
  /** How many processes share the port: 1 to 16, default 1. */
  readonly count?: number;
  /** Addresses or networks (`"10.0.0.0/8"`) whose forwarding headers are believed. */
  readonly trustedProxies?: readonly string[];
  /** Write one line for each request, or for a share of them (0.01). Default false. */
  readonly accessLog?: boolean | number;
};

export type ClusterDefinition = {
  /** Letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  readonly gateway?: GatewayInput;
  readonly services: Readonly<Record<string, ServiceDefinition>>;
};

/** A service of a kind that a later release brings. The cluster file is refused with `NOT_YET`. */
export type PlannedDefinition = { readonly kind: "workers" | "database" };

export type ServiceDefinition = ReplicasDefinition | ElectedDefinition | PlannedDefinition;

type PlannedInput = Readonly<Record<string, unknown>>;

/**
 * Describes a cluster. The cluster file exports the result as its default.
 *
 * @example
 * ```ts
 * export default defineCluster({
 *   name: "shop",
 *   services: { hello: replicas({ run: "./server.ts", count: 3, route: "/" }) },
 * });
 * ```
 */
export function defineCluster(cluster: ClusterDefinition): ClusterDefinition {
  return cluster;
}

/** N equal copies; any one will do; N are always alive. */
export function replicas(options: ReplicasInput): ReplicasDefinition {
  return { ...options, kind: "replicas" };
}

/**
 * One of N leads, and the route follows it. A dead leader is replaced by election; each leader has a
 * term of its own, higher than all before, which resources may check to refuse an old one.
 *
 * @example
 * ```ts
 * fortune: elected({ run: "./fortune.ts", count: 3, route: "/fortune" }),
 * ```
 */
export function elected(options: ElectedInput): ElectedDefinition {
  return { ...options, kind: "elected" };
}

/** Each owns state, recovered to a common prefix. Not there yet: the file is refused with `NOT_YET`. */
export function workers(options: PlannedInput): PlannedDefinition {
  return { ...options, kind: "workers" };
}

/** One accepts writes, N serve reads. Not there yet: the file is refused with `NOT_YET`. */
export function database(options: PlannedInput): PlannedDefinition {
  return { ...options, kind: "database" };
}
