/**
 * What an election is told before it starts, and which settings it refuses.
 *
 * The relations that are checked are those on which a promise rests: a lease has to be shorter than
 * stickiness, renewed several times before it ends, and long enough to survive one lost round.
 */
import { ClusterError, type MemberId } from "../kernel/index.ts";
import { type Member, memberNumberMax, membersMax, votersMax } from "./member.ts";
import { allRules, type Rules } from "./rules.ts";
import { type Timing, timingProfiles } from "./timing-profiles.ts";

/** Who decides: any reachable group, a majority of voters, or one compare-and-set record. */
export type Mode = "available" | "quorum" | "arbiter";

/** When a better member takes over from a healthy leader. */
export type Preempt = "never" | "after-stable" | "always";

/** What besides silence frees a voter from a leader: nothing, an exit, or refused connections too. */
export type LeaseBreak = "never" | "proof" | "refused";

export type ElectionConfig = {
  /** Must be one of the members. */
  readonly self: MemberId;
  /** Random for each start of the process; never used twice. */
  readonly boot: string;
  readonly mode: Mode;
  readonly timing: Timing;
  /** Voters of the first start; later the durable record knows better. */
  readonly voters: readonly Member[];
  readonly observers: readonly Member[];
  readonly preempt: Preempt;
  readonly leaseBreak: LeaseBreak;
  /** Greatest relative error of a monotonic clock. */
  readonly clockErrorMax: number;
  /** `available`: how many members, itself included, have to answer a leader. */
  readonly viewMin: number;
  /** How long a better member is well before it asks for the leadership. */
  readonly stableMs: number;
  /** Whether the first election of a cluster goes to the best member or to who led last. */
  readonly bootstrapPrefer: "highest" | "last-leader";
  /** A fresh start waits for so many members, itself included, but no longer than `coldStartMs`. */
  readonly expectedCount: number;
  readonly coldStartMs: number;
  /** `arbiter`: how long the record is valid, and when it is renewed. */
  readonly recordLeaseMs: number;
  readonly recordRenewMs: number;
  /** Voters without a disk: for demos. Safe, but overlapping restarts end the election for good. */
  readonly memoryVoters: boolean;
  /** `available`: members of the older protocol may take part; they sign nothing. */
  readonly compat: boolean;
  readonly rules: Rules;
};

/** What has to be said; everything else has a default. */
export type ElectionSettings = Pick<ElectionConfig, "self" | "boot" | "mode" | "voters"> &
  Partial<ElectionConfig>;

export function configOf(settings: ElectionSettings): ElectionConfig {
  const count = settings.voters.length + (settings.observers?.length ?? 0);
  return {
    timing: timingProfiles.lan,
    observers: [],
    preempt: "never",
    leaseBreak: "proof",
    clockErrorMax: 0.02,
    viewMin: count >= 3 ? 2 : 1,
    stableMs: 30_000,
    bootstrapPrefer: "highest",
    expectedCount: count,
    coldStartMs: 3_000,
    recordLeaseMs: 5_000,
    recordRenewMs: 1_500,
    memoryVoters: false,
    compat: false,
    rules: allRules,
    ...settings,
  };
}

/**
 * How long a leader may rely on an acknowledged round. A voter waits `stickinessMs` on a clock that
 * may be fast, the leader counts on one that may be slow: the lease ends first in any case.
 */
export function leaseMs({ timing, clockErrorMax, rules }: ElectionConfig): number {
  const margin = rules.driftMargin ? (1 - clockErrorMax) / (1 + clockErrorMax) : 1;
  return timing.stickinessMs * margin;
}

/** The same for the record of an arbiter. */
export function recordLeaseLeftMs({ recordLeaseMs, clockErrorMax, rules }: ElectionConfig): number {
  return recordLeaseMs * (rules.driftMargin ? (1 - clockErrorMax) / (1 + clockErrorMax) : 1);
}

/**
 * Returns the configuration when it can keep what the mode promises.
 *
 * @throws ClusterError `CONFIG_INVALID` that lists everything that is wrong.
 */
export function validateConfig(config: ElectionConfig): ElectionConfig {
  const problems = [...timingProblems(config), ...memberProblems(config), ...modeProblems(config)];
  if (problems.length === 0) return config;
  throw new ClusterError("CONFIG_INVALID", {
    message: `The election of ${config.self} cannot start:\n- ${problems.join("\n- ")}`,
    details: { problems },
  });
}

function timingProblems(config: ElectionConfig): readonly string[] {
  const { timing, clockErrorMax } = config;
  const { heartbeatMs, stickinessMs, inquiryMs, staggerMs } = timing;
  const { roundTripP99Ms, roundTripP95Ms } = timing;
  const rounded = Math.round(leaseMs(config));
  return listed([
    [
      !Object.values(timing).every((value) => Number.isFinite(value) && value > 0),
      "every number of the timing has to be positive",
    ],
    [
      heartbeatMs > stickinessMs / 4,
      `heartbeatMs ${heartbeatMs} is more than a quarter of stickinessMs ${stickinessMs}; one lost heartbeat must not cost the leadership`,
    ],
    [
      clockErrorMax < 0 || clockErrorMax >= 0.2,
      `clockErrorMax ${clockErrorMax} has to be in [0, 0.2)`,
    ],
    [
      leaseMs(config) - heartbeatMs - roundTripP99Ms <= 0,
      `a lease of ${rounded} ms ends before one round (${heartbeatMs} + ${roundTripP99Ms} ms) renews it; raise stickinessMs`,
    ],
    [
      inquiryMs < 4 * roundTripP99Ms,
      `inquiryMs ${inquiryMs} is less than four round trips of ${roundTripP99Ms} ms`,
    ],
    [
      staggerMs < roundTripP95Ms,
      `staggerMs ${staggerMs} is less than a round trip of ${roundTripP95Ms} ms: successors would start together`,
    ],
  ]);
}

function memberProblems({ self, voters, observers, mode }: ElectionConfig): readonly string[] {
  const all = [...voters, ...observers];
  const numbers = all.flatMap(({ number }) => (number === undefined ? [] : [number]));
  const isNumber = (number: number): boolean =>
    Number.isInteger(number) && number >= 0 && number <= memberNumberMax;
  return listed([
    [!all.some(({ id }) => id === self), `${self} is not among its own members`],
    [new Set(all.map(({ id }) => id)).size < all.length, "a member is listed twice"],
    [
      numbers.length > 0 && (numbers.length < all.length || new Set(numbers).size < all.length),
      "numbers have to be unique, and given to all members or to none",
    ],
    [!numbers.every(isNumber), `numbers have to be whole and within 0 to ${memberNumberMax}`],
    [all.length > membersMax, `${all.length} members are more than ${membersMax}`],
    [
      mode === "quorum" && voters.length > votersMax,
      `${voters.length} voters are more than ${votersMax}; make the others observers`,
    ],
    [
      mode === "quorum" && voters.length < 3,
      `a majority of ${voters.length} survives no failure; use 3 voters, or mode "available" or "arbiter"`,
    ],
  ]);
}

function modeProblems(config: ElectionConfig): readonly string[] {
  const { mode, viewMin, voters, observers, recordLeaseMs, recordRenewMs, compat } = config;
  const count = voters.length + observers.length;
  return listed([
    [
      mode === "available" && (!Number.isInteger(viewMin) || viewMin < 1 || viewMin > count),
      `viewMin ${viewMin} has to be within 1 to ${count}`,
    ],
    [
      mode === "arbiter" && recordRenewMs > recordLeaseMs / 2,
      `recordRenewMs ${recordRenewMs} is more than half of recordLeaseMs ${recordLeaseMs}`,
    ],
    [
      mode === "arbiter" && recordLeaseMs < 1_000,
      `recordLeaseMs ${recordLeaseMs} is less than 1000: stores count whole seconds`,
    ],
    [compat && mode !== "available", "compat works with mode available only"],
  ]);
}

function listed(checks: readonly (readonly [boolean, string])[]): readonly string[] {
  return checks.flatMap(([isWrong, problem]) => (isWrong ? [problem] : []));
}
