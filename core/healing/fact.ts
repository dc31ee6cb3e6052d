/** What happened to an instance, or to the host of all: the words between runtime, healing and people. */
export type FactType =
  | "launched"
  | "adopted"
  | "ready"
  | "exited"
  | "diagnosed" // The log told more about an exit that was reported before.
  | "launch-failed"
  | "probe-failed"
  | "probe-recovered"
  | "restarting" // Healing, or a person, asked for a new incarnation.
  | "backing-off"
  | "parked"
  | "draining"
  | "terminating"
  | "killed" // SIGKILL after the grace period.
  | "removed"
  | "port-taken"
  | "log-rotated"
  | "log-flooding"
  | "log-failed" // Its log cannot be kept within bounds.
  | "stuck" // Its copy does not end, even by force.
  | "disk-full"
  | "disk-recovered";

export type Fact = {
  readonly type: FactType;
  /** Undefined, as `instance`, when it concerns the whole host: a full disk. */
  readonly service: string | undefined;
  readonly instance: string | undefined;
  readonly incarnation: number; // 0 when no copy is meant.
  readonly atMs: number; // Wall clock, Unix milliseconds.
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
};
