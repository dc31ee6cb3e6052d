/**
 * What a one-machine runtime needs from below: somewhere to launch copies. Processes and containers
 * are hosts; the supervisor above decides when to launch and when to stop.
 *
 * A host never decides. It promises three things, and the conformance suite tries each:
 *   H1  At most one live copy carries an instance name, whoever launched it and whenever.
 *   H2  After a crash of the agent, `list` finds every copy that still runs, and nothing else: no
 *       stranger that got the same pid, no copy of another cluster.
 *   H3  When `exited` was reported for a copy, every process of its group is gone.
 */
import type { InstanceName, ServiceName } from "@prunella/core/kernel";
import type { Address, Exit, LogOptions, LogSpec } from "./runtime.ts";

/** Where the elector of a copy listens, and where those of all members do (`a-1=127.0.0.1:4001,...`). */
export const electionPortVariable = "PRUNELLA_ELECTION_PORT";
export const electionPeersVariable = "PRUNELLA_ELECTION_PEERS";

/** What to launch: one incarnation of one instance. */
export type LaunchOrder = {
  readonly service: ServiceName;
  readonly instance: InstanceName;
  readonly incarnation: number;
  /** Opaque mark of the specification; the host keeps it with the copy, also over its own restart. */
  readonly revision: string;
  readonly command: readonly string[];
  readonly folder: string;
  /** Complete, but for `PORT` and `electionVariables`, which the host adds. */
  readonly env: Readonly<Record<string, string>>;
  readonly fixedPort: number | undefined;
  /** Other copies of the same service may listen on the fixed port; a stranger still may not. */
  readonly sharesPort?: boolean;
  /**
   * The members of an election, this one among them. The host gives each of them a port beside its
   * own, stable per name, whether or not it runs yet.
   */
  readonly electors?: readonly InstanceName[];
  readonly log: LogSpec;
};

/** A copy: one incarnation of an instance, as the host knows it. */
export type Copy = {
  readonly service: ServiceName;
  readonly instance: InstanceName;
  readonly incarnation: number;
  /** From its launch order, so that a new agent knows what runs an old specification. */
  readonly revision: string;
  readonly running: boolean;
  readonly pid: number | undefined;
  readonly address: Address | undefined;
  /** Where its elector listens, if its order named any. */
  readonly electionAddress?: Address;
  readonly startedAtMs: number;
  /** How it ended, once it did not run any more and somebody saw it. */
  readonly exit: Exit | undefined;
};

export type HostEvent =
  | { readonly type: "exited"; readonly copy: Copy }
  /**
   * The process that was launched, `copy.pid`, has ended; what it started may live on until `exited`.
   * For whoever waits for that very process. A hint: a host that sees only whole copies leaves it out.
   */
  | { readonly type: "main-exited"; readonly copy: Copy }
  | {
      readonly type:
        | "log-rotated"
        | "log-flooding"
        | "log-failed" // It cannot be kept within its bounds.
        | "stuck" // A copy does not end, even by force.
        | "disk-full"
        | "disk-recovered";
      readonly instance: InstanceName | undefined;
      readonly message: string;
      readonly data: Readonly<Record<string, unknown>>;
    };

/** What the order of an elector adds to its environment; the last two are names of the source. */
export function electionVariables(
  port: number,
  own: Address,
  peers: readonly (readonly [InstanceName, Address])[],
): Readonly<Record<string, string>> {
  return {
    [electionPortVariable]: `${own.port}`,
    [electionPeersVariable]: peers
      .map(([name, { host, port }]) => `${name}=${host}:${port}`)
      .join(","),
    POD_IP: own.host,
    WEB_PORT: `${port}`,
  };
}

export type Usage = { readonly cpu: number; readonly memoryMiB: number };

export interface Host extends AsyncDisposable {
  readonly name: string;

  /** Every known copy: all that run, and of each instance the newest that ended. */
  list(): Promise<readonly Copy[]>;

  /**
   * Launches and resolves with the running copy.
   *
   * @throws ClusterError `INSTANCE_EXISTS` (H1), `PROGRAM_MISSING`, `PORT_TAKEN` (the fixed port is
   *   in use, and not shared with siblings only; `details` say by whom), `DISK_FULL`, `RUNTIME_UNAVAILABLE` (try again later).
   */
  launch(order: LaunchOrder): Promise<Copy>;

  /** Signals the whole group: politely, or by force. Idempotent: a copy that is gone resolves. */
  signal(instance: InstanceName, incarnation: number, how: "terminate" | "kill"): Promise<void>;

  /** Yields what happens to copies. Exits of children within milliseconds, of adopted ones within 100. */
  watch(signal: AbortSignal): AsyncIterable<HostEvent>;

  /**
   * Whose listener is on the port of this copy: its own, a stranger's, or nobody's. On a shared port
   * the listeners of its siblings count as nobody's, and a stranger beside its own is a stranger.
   */
  listener(instance: InstanceName): Promise<"own" | "none" | { readonly stranger: string }>;

  /** Processor and memory of every running copy since the last call. */
  usage(): Promise<ReadonlyMap<InstanceName, Usage>>;

  logs(instance: InstanceName, options: LogOptions, signal: AbortSignal): AsyncIterable<string>;

  /** Forgets everything about an instance that does not run: records and logs stay readable until then. */
  forget(instance: InstanceName): Promise<void>;
}
