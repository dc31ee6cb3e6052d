/** Who has to act. Decided once per code, so no caller ever parses a message. */
export type Fault = "caller" | "peer" | "environment";

type CodeFacts = { readonly fault: Fault; readonly retry: boolean; readonly meaning: string };

/** Every operating error of the toolkit. `docs/reference/errors.md` is generated from this table. */
export const errorCodes = {
  AGENT_UNREACHABLE: {
    fault: "environment",
    retry: true,
    meaning: "No agent answers for this cluster.",
  },
  ARBITER_UNAVAILABLE: {
    fault: "environment",
    retry: true,
    meaning: "The record that decides who leads cannot be read or written.",
  },
  CLUSTER_ENDED: {
    fault: "caller",
    retry: false,
    meaning: "Somebody ended the cluster while the command was at work.",
  },
  CLUSTER_FILE_MISSING: {
    fault: "caller",
    retry: false,
    meaning: "There is no cluster file here.",
  },
  CONFIG_INVALID: { fault: "caller", retry: false, meaning: "A setting is wrong." },
  COUNT_OUT_OF_RANGE: {
    fault: "caller",
    retry: false,
    meaning: "The service may not have that many instances.",
  },
  DISK_FULL: {
    fault: "environment",
    retry: true,
    meaning: "The disk that holds the state folder is full.",
  },
  ELECTION_KEY: {
    fault: "caller",
    retry: false,
    meaning: "The key that members of an election share is missing or cannot be used.",
  },
  FENCE_STALE: {
    fault: "peer",
    retry: false,
    meaning: "A newer leader has written to this resource; the older one's write was refused.",
  },
  HOSTNAME_REFUSED: { fault: "caller", retry: false, meaning: "A host name cannot be used." },
  INSTANCE_EXISTS: {
    fault: "caller",
    retry: false,
    meaning: "A copy of that instance is already running.",
  },
  INSTANCE_UNKNOWN: { fault: "caller", retry: false, meaning: "No instance has that name." },
  LEADER_MISSING: {
    fault: "environment",
    retry: true,
    meaning: "Nobody leads the elected service right now.",
  },
  NOT_CONVERGED: {
    fault: "environment",
    retry: true,
    meaning: "The cluster did not reach the wanted state in time.",
  },
  NOT_YET: { fault: "caller", retry: false, meaning: "Prunella does not do this yet." },
  NOT_LEADER: {
    fault: "peer",
    retry: true,
    meaning: "This member does not lead, or its lease has ended.",
  },
  PORT_TAKEN: {
    fault: "environment",
    retry: true,
    meaning: "Another program listens on that port.",
  },
  PROGRAM_MISSING: {
    fault: "caller",
    retry: false,
    meaning: "The program to run cannot be found or started.",
  },
  REQUEST_INVALID: { fault: "caller", retry: false, meaning: "The control request is malformed." },
  RING_DUPLICATE: { fault: "caller", retry: false, meaning: "A member stands in the ring twice." },
  RING_EMPTY: { fault: "caller", retry: false, meaning: "A ring needs at least one member." },
  RING_FULL: {
    fault: "caller",
    retry: false,
    meaning: "The map has no slot left for another member.",
  },
  RING_NUMBER: {
    fault: "caller",
    retry: false,
    meaning: "A member number is not a positive integer or is used twice.",
  },
  RING_OPTION: { fault: "caller", retry: false, meaning: "A setting of the ring is impossible." },
  RING_WEIGHT: { fault: "caller", retry: false, meaning: "A member weight is out of range." },
  RUNTIME_UNAVAILABLE: {
    fault: "environment",
    retry: true,
    meaning: "The runtime does not answer.",
  },
  SERVICE_UNKNOWN: { fault: "caller", retry: false, meaning: "No service has that name." },
  STATE_CORRUPT: {
    fault: "environment",
    retry: false,
    meaning: "A file in the state folder cannot be read.",
  },
  STATE_LOCKED: { fault: "caller", retry: true, meaning: "Another agent owns this state folder." },
  STATE_REFUSED: {
    fault: "environment",
    retry: false,
    meaning: "The state folder cannot be used.",
  },
  TERM_CONFLICT: {
    fault: "peer",
    retry: false,
    meaning: "The term is older than the known one, or has another leader already.",
  },
  TOKEN_REFUSED: {
    fault: "caller",
    retry: false,
    meaning: "The control token is missing or wrong.",
  },
  VIEW_EMPTYING: {
    fault: "peer",
    retry: false,
    meaning: "The view takes the last serving member of a service away without a reason.",
  },
  VIEW_STALE: {
    fault: "peer",
    retry: false,
    meaning: "The gateway already has a newer view.",
  },
  UNEXPECTED: {
    fault: "environment",
    retry: true,
    meaning: "Something failed that nobody foresaw; agent.log in the state folder says what.",
  },
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof errorCodes;

export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * An operating error: expected, documented, handled. Bugs are `InvariantError` instead.
 *
 * Callers branch on `code`, which is stable across releases and across duplicate copies of this
 * package; `message` says what, where and how to fix it, for people, and may change in any release.
 */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    options: {
      readonly message?: string;
      readonly details?: ErrorDetails;
      readonly cause?: unknown;
    } = {},
  ) {
    super(options.message ?? errorCodes[code].meaning, { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  get fault(): Fault {
    return errorCodes[this.code].fault;
  }

  /** True when the same call may succeed later without anyone changing anything. */
  get retry(): boolean {
    return errorCodes[this.code].retry;
  }

  /** Structural on purpose: `instanceof` fails when two copies of the package are installed. */
  static is(error: unknown, code?: ErrorCode): error is ClusterError {
    if (!(error instanceof Error) || error.name !== "ClusterError") return false;
    return code === undefined || (error as ClusterError).code === code;
  }
}
