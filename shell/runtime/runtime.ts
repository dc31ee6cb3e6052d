/**
 * Where instances live: processes, containers or pods.
 *
 * The contract is level-triggered and idempotent, at the level of a service. `observe` is the
 * truth; `watch` only says when to look again, so a lost or repeated hint costs latency and never
 * correctness. Every implementation passes `@prunella/runtime/conformance`.
 */
import type { Fact } from "@prunella/core/healing";
import type { InstanceName, ServiceName } from "@prunella/core/kernel";

/** How an instance is probed. All durations in milliseconds. */
export type ProbeSpec = {
  /**
   * Path of an HTTP GET that answers 2xx or 3xx. `*` asks the server itself, with OPTIONS, and no
   * resource of it. Undefined: a TCP connect is enough.
   */
  readonly path: string | undefined;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive failures before it counts as sick. */
  readonly failuresMax: number;
  /** Consecutive successes before it counts as well again. */
  readonly successesMin: number;
  /** How long it may take from launch to its first good probe. */
  readonly startupMs: number;
};

export type StopSpec = {
  /** How long running requests may go on before SIGTERM. */
  readonly drainMs: number;
  /** How long after SIGTERM until SIGKILL of the whole group. */
  readonly graceMs: number;
};

export type LogSpec = {
  /** Size of one log file before it is rotated. */
  readonly fileMiB: number;
  /** Files kept beside the current one. */
  readonly filesMax: number;
};

/** One wanted instance. */
export type MemberSpec = {
  readonly name: InstanceName;
  /** From 1; stable over restarts; the lowest free one is given to a new member. */
  readonly number: number;
};

/** What to run. Everything a runtime may depend on is here; nothing is read from the environment. */
export type RuntimeService = {
  readonly name: ServiceName;
  readonly cluster: string;
  /** Program and arguments, never a shell line. */
  readonly command: readonly string[];
  /** Absolute folder to start in. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Extra variables of one member, for example the source's `SERVER_ID`. */
  readonly memberEnv: (member: MemberSpec) => Readonly<Record<string, string>>;
  /** A fixed port that the program binds itself, or undefined: the runtime gives each its own. */
  readonly fixedPort: number | undefined;
  /**
   * All members listen on the fixed port at the same time, each with a listener of its own
   * (SO_REUSEPORT); the system spreads connections over them.
   */
  readonly sharesPort?: boolean;
  /** Its members elect a leader: each gets a second port for that, and is told those of all. */
  readonly elects?: boolean;
  /**
   * True for a member that is restarted last when all are, because it costs most: the one that leads.
   * Asked whenever the next one is chosen.
   */
  readonly isLast?: (member: InstanceName) => boolean;
  readonly probe: ProbeSpec;
  readonly stop: StopSpec;
  readonly log: LogSpec;
  readonly members: readonly MemberSpec[];
};

/** How a copy ended. `undefined` members: nobody saw it (it died while no agent ran). */
export type Exit = { readonly code: number | undefined; readonly signal: string | undefined };

export type Phase =
  | "waiting"
  | "starting"
  | "serving"
  | "suspect"
  | "draining"
  | "stopping"
  | "parked";

export type Address = { readonly host: string; readonly port: number };

/** One instance as the runtime sees it, which may differ from what the instance says of itself. */
export type Instance = {
  readonly name: InstanceName;
  readonly service: ServiceName;
  /** From 1; 0 for a copy that nobody wants and of which only the name is known. */
  readonly number: number;
  /**
   * 0 before the first launch; grows by one with each launch; not reused, unless the instance was
   * removed and fifty others after it.
   */
  readonly incarnation: number;
  readonly phase: Phase;
  /** Did this instance serve at least once, in any incarnation, since it was wanted? */
  readonly served: boolean;
  /** True when it is wanted no more and is on its way out. */
  readonly leaving: boolean;
  readonly pid: number | undefined;
  readonly address: Address | undefined;
  /** Where its elector listens, if its service elects. */
  readonly electionAddress?: Address | undefined;
  readonly startedAtMs: number | undefined; // Wall clock, Unix milliseconds.
  /** Monotonic time of the next scheduled launch, while `waiting` or `parked`. */
  readonly retryInMs: number | undefined;
  readonly cpu: number | undefined; // Share of one core.
  readonly memoryMiB: number | undefined;
  /** One sentence: why it is in this phase. */
  readonly reason: string;
  /** What a person should do, where healing cannot help. */
  readonly fix: string | undefined;
};

/** What happened, by the names of this cluster. Losing one costs an explanation, never correctness. */
export type InstanceFact = Fact & {
  readonly service: ServiceName | undefined;
  readonly instance: InstanceName | undefined;
};

export type LogOptions = {
  /** Lines from the end to start with. */
  readonly tailLines: number;
  /** Go on with new lines until the signal aborts. */
  readonly follow: boolean;
};

export interface Runtime extends AsyncDisposable {
  /** Shown to people and used in metrics; no code may branch on it. */
  readonly name: string;

  /** Makes the service what the spec says. Resolves when it is accepted, not when it is reached. */
  apply(service: RuntimeService, signal: AbortSignal): Promise<void>;

  /** Ends all instances of the service. Resolves when none is left. An unknown name resolves. */
  remove(service: ServiceName, signal: AbortSignal): Promise<void>;

  /** One consistent snapshot of all instances of all services, wanted ones in wanted order. */
  observe(): readonly Instance[];

  /** Yields a fact, or undefined for "look again". Ends only with `signal`. Bounded: old hints merge. */
  watch(signal: AbortSignal): AsyncIterable<InstanceFact | undefined>;

  /** Ends the running copy politely and starts a new incarnation. Also wakes a parked instance. */
  replace(instance: InstanceName, signal: AbortSignal): Promise<void>;

  /** Ends the running copy by force; healing then starts a new incarnation. */
  kill(instance: InstanceName, signal: AbortSignal): Promise<void>;

  /** Lines that the instance wrote, over all incarnations, oldest first. */
  logs(instance: InstanceName, options: LogOptions, signal: AbortSignal): AsyncIterable<string>;
}
