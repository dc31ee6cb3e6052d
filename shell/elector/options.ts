/**
 * What a program tells an election, and what follows from it: one list of members with their addresses,
 * one configuration for the machine, and one refusal that names everything that is wrong.
 */
import { randomBytes } from "node:crypto";
import {
  configOf,
  type ElectionConfig,
  type LeaseBreak,
  type Member,
  type Mode,
  type Preempt,
  type Timing,
  type TimingName,
  timingProfiles,
  validateConfig,
  votersMax,
} from "@prunella/core/election";
import { ClusterError, instanceName } from "@prunella/core/kernel";
import type { Log } from "@prunella/driver";
import type { Arbiter } from "./arbiter/arbiter.ts";
import { KeyRing } from "./authentication/key-ring.ts";
import { isSignable } from "./authentication/signature.ts";
import type { Discovery } from "./discovery/discovery.ts";
import type { Fence } from "./fence/fence.ts";

export type MemberOption = {
  readonly id: string;
  readonly host: string;
  /** The election port of that member. */
  readonly port: number;
  /** Unique, for all members or for none; `/pod_id` answers with it. */
  readonly number?: number;
  /** Higher is preferred. Default 0. */
  readonly priority?: number;
  /** Follows and never votes. Beyond seven members the last ones observe. */
  readonly observes?: boolean;
};

export type SelfOption = {
  readonly id: string;
  /** Where this member serves its users: others send them there while it leads. */
  readonly web?: { readonly host: string; readonly port: number };
  /** Which life of the instance this is, when somebody counts them. */
  readonly incarnation?: number;
};

/** The key that all members share: a file (see KeyRing), or the secret itself. */
export type KeyOption = { readonly file: string } | { readonly secret: string };

/** What a follower does with a request of a user. */
export type Followers = "proxy" | "redirect" | "refuse";

export type ElectionOptions = {
  /** Messages of another cluster are refused, also when they bear the right key. */
  readonly cluster: string;
  readonly self: SelfOption;
  /** All members, this one included. In mode `quorum` the same list for everybody. */
  readonly members: readonly MemberOption[];
  /** Where to listen for the others. Default: this member's own entry in the list. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** Default `quorum`. */
  readonly mode?: Mode;
  /** Default `lan`. */
  readonly timing?: TimingName | Timing;
  readonly preempt?: Preempt;
  readonly leaseBreak?: LeaseBreak;
  /** How long a better member has to be well before it takes over with `after-stable`. */
  readonly stableMs?: number;
  readonly key?: KeyOption;
  /** A key of its own for resignations and promotions. Default: made from `key`. */
  readonly operatorKey?: KeyOption;
  /** Folder for the voter file; needed in mode `quorum`. */
  readonly folder?: string;
  /** Voters without a disk. Overlapping restarts end the election for good: for demonstrations. */
  readonly unsafeMemoryVoters?: boolean;
  /** Mode `arbiter`: the record that decides. */
  readonly arbiter?: Arbiter;
  readonly discovery?: Discovery;
  /** Raised to the new token before anybody hears of a new leader. */
  readonly fences?: readonly Fence[];
  /** Opens pools and warms caches before a planned handover to this member. */
  readonly prepare?: (signal: AbortSignal) => Promise<void>;
  readonly followers?: Followers;
  /** Mode `available`: members of the source's protocol may take part. They sign nothing. */
  readonly compat?: boolean;
  /** Default: warnings and errors as lines on stderr. */
  readonly log?: Log;
};

/** Settings that are one of a few words; the first is the default. */
const words = {
  mode: ["quorum", "available", "arbiter"] satisfies readonly Mode[],
  preempt: ["never", "after-stable", "always"] satisfies readonly Preempt[],
  leaseBreak: ["proof", "never", "refused"] satisfies readonly LeaseBreak[],
  followers: ["proxy", "redirect", "refuse"] satisfies readonly Followers[],
} as const;

/** A life of this process: which incarnation, which process, and 64 bits that nobody drew before. */
export function newBoot(incarnation: number | undefined): string {
  return `i${incarnation ?? 0}-p${process.pid}-${randomBytes(8).toString("hex")}`;
}

/** True when that life was the process that somebody saw exit. */
export function isBootOf(boot: string, incarnation: number, pid: number): boolean {
  return boot.startsWith(`i${incarnation}-p${pid}-`);
}

/** Those who vote, and those who only follow. */
export function split(members: readonly MemberOption[]): {
  readonly voters: readonly Member[];
  readonly observers: readonly Member[];
} {
  const voting = members.filter(({ observes }) => observes !== true);
  const voters = voting.slice(0, votersMax);
  return {
    voters: voters.map(memberOf),
    observers: members.filter((member) => !voters.includes(member)).map(memberOf),
  };
}

/**
 * Returns the configuration of the machine.
 *
 * @throws ClusterError `CONFIG_INVALID` that lists everything that is wrong.
 */
export function configFrom(options: ElectionOptions, boot: string): ElectionConfig {
  const problems = problemsOf(options);
  if (problems.length > 0) {
    throw new ClusterError("CONFIG_INVALID", {
      message: `The election of ${options.self.id} cannot start:\n- ${problems.join("\n- ")}`,
      details: { problems },
    });
  }
  const { timing = "lan", mode = "quorum", preempt, leaseBreak, stableMs, compat } = options;
  return validateConfig(
    configOf({
      self: instanceName(options.self.id),
      boot,
      mode,
      ...split(options.members),
      timing: typeof timing === "string" ? timingProfiles[timing] : timing,
      memoryVoters: options.unsafeMemoryVoters ?? false,
      ...(preempt === undefined ? {} : { preempt }),
      ...(leaseBreak === undefined ? {} : { leaseBreak }),
      ...(stableMs === undefined ? {} : { stableMs }),
      ...(compat === undefined ? {} : { compat }),
    }),
  );
}

/**
 * The keys; undefined when the older protocol alone is spoken.
 *
 * @throws ClusterError `ELECTION_KEY`.
 */
export function keysFrom(option: KeyOption | undefined, log: Log): KeyRing | undefined {
  if (option === undefined) return undefined;
  if ("secret" in option) return KeyRing.of(option.secret);
  return KeyRing.fromFile(option.file, (error) =>
    log.error("the election key cannot be read again; the one of before stays", {
      message: error.message,
    }),
  );
}

function memberOf({ id, number, priority = 0 }: MemberOption): Member {
  return { id: instanceName(id), priority, ...(number === undefined ? {} : { number }) };
}

function problemsOf(options: ElectionOptions): readonly string[] {
  const { cluster, members, mode = "quorum", timing = "lan" } = options;
  const needsFolder = mode === "quorum" && options.unsafeMemoryVoters !== true;
  const needsKey = options.key === undefined && options.compat !== true;
  const checks: Checks = [
    [!isSignable(cluster), `the cluster's name "${cluster}" has characters that cannot be signed`],
    ...members.map(
      ({ id }) =>
        [!isSignable(id), `the name "${id}" has characters that cannot be signed`] as const,
    ),
    ...members.map(
      ({ id, port }) =>
        [!isPort(port), `the port ${port} of ${id} is not from 0 to 65535`] as const,
    ),
    ...wordChecks(options),
    ...numberChecks(options),
    [
      typeof timing === "string" && !Object.hasOwn(timingProfiles, timing),
      `timing "${timing}" is none of ${Object.keys(timingProfiles).join(", ")}`,
    ],
    [
      needsFolder && options.folder === undefined,
      'mode "quorum" needs a folder for the voter file: a vote that is forgotten makes two leaders',
    ],
    [needsKey, "there is no key: give every member the same one, key: { file } or key: { secret }"],
    [
      (mode === "arbiter") !== (options.arbiter !== undefined),
      'mode "arbiter" and an arbiter belong together',
    ],
  ];
  return checks.flatMap(([isWrong, problem]) => (isWrong ? [problem] : []));
}

type Checks = readonly (readonly [boolean, string])[];

/** Words may come from an environment or from a program without types. */
function wordChecks(options: ElectionOptions): Checks {
  return (["mode", "preempt", "leaseBreak", "followers"] as const).map((name) => {
    const word = options[name];
    const known: readonly string[] = words[name];
    const isWrong = word !== undefined && !known.includes(word);
    return [isWrong, `${name} "${word}" is none of ${known.join(", ")}`] as const;
  });
}

function numberChecks({ self, listen, timing, stableMs = 0 }: ElectionOptions): Checks {
  const { incarnation = 0, web } = self;
  const missing =
    typeof timing === "object"
      ? Object.keys(timingProfiles.lan).filter((name) => !Object.hasOwn(timing, name))
      : [];
  return [
    [
      listen !== undefined && !isPort(listen.port),
      `the port to listen at, ${listen?.port}, is none`,
    ],
    [web !== undefined && !isPort(web.port), `the web port ${web?.port} is none`],
    [
      !Number.isSafeInteger(incarnation) || incarnation < 0,
      `the incarnation ${incarnation} is not a whole number from 0`,
    ],
    [!(stableMs >= 0 && Number.isFinite(stableMs)), `stableMs ${stableMs} is not a span of time`],
    [missing.length > 0, `the timing does not say ${missing.join(", ")}`],
  ];
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port < 65_536;
}
