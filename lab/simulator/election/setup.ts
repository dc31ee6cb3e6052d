/**
 * One election to simulate, drawn from a seed: mode, size, speed, clocks, and which of the rarer
 * things happen in it. Everything that a plan has to keep is JSON.
 */
import {
  allRules,
  configOf,
  type ElectionConfig,
  type LeaseBreak,
  type Member,
  type Mode,
  type Preempt,
  type Rules,
  type TimingName,
  timingProfiles,
} from "@prunella/core/election";
import { invariant, type MemberId } from "@prunella/core/kernel";
import type { Chance } from "../chance.ts";

/** JSON, and part of the plan. */
export type Setup = {
  readonly mode: Mode;
  readonly timing: TimingName;
  /** Successors start almost together, as if the stagger were no help. */
  readonly isCrowded: boolean;
  readonly leaseBreak: LeaseBreak;
  readonly preempt: Preempt;
  readonly rho: number;
  readonly voters: number;
  readonly isSupervised: boolean;
  readonly hasMemoryVoters: boolean;
  readonly changesVoters: boolean;
  readonly isForged: boolean;
  /** The usual one when undefined. */
  readonly viewMin?: number;
};

export type Switches = { readonly rules: Rules; readonly isTokenChecked: boolean };

/** `mutant` names a rule of the core, or the check of the token at the resource. */
export function switchesOf(mutant: string | undefined): Switches {
  if (mutant === undefined) return { rules: allRules, isTokenChecked: true };
  if (mutant === "tokenCheck") return { rules: allRules, isTokenChecked: false };
  invariant(mutant in allRules, `there is no rule ${mutant} to break`);
  return { rules: { ...allRules, [mutant]: false }, isTokenChecked: true };
}

export function drawSetup(
  chance: Chance,
  nodes: number,
  choices: Readonly<Record<string, string>>,
): Setup {
  const mode = drawMode(chance, choices["mode"]);
  const hasMemoryVoters = mode === "quorum" && choices["memory"] === "yes";
  const breaks: readonly [LeaseBreak, ...LeaseBreak[]] = ["proof", "proof", "never"];
  return {
    mode,
    timing: mode === "arbiter" ? "lan" : chance.pick(["demo", "demo", "demo", "lan", "k8s"]),
    isCrowded: chance.happens(0.3),
    leaseBreak: chance.pick(breaks),
    preempt: chance.happens(0.2) ? "after-stable" : "never",
    rho: chance.pick([0.02, 0.05]),
    voters: nodes,
    isSupervised: chance.happens(0.5),
    hasMemoryVoters,
    changesVoters: mode === "quorum" && picked(chance, choices["change"], 0.15) && nodes > 3,
    isForged: picked(chance, choices["forge"], 0.15),
  };
}

function drawMode(chance: Chance, choice: string | undefined): Mode {
  const dice = chance.next();
  if (choice === "quorum" || choice === "available" || choice === "arbiter") return choice;
  return dice < 0.6 ? "quorum" : dice < 0.85 ? "available" : "arbiter";
}

function picked(chance: Chance, choice: string | undefined, often: number): boolean {
  const isDrawn = chance.happens(often);
  return choice === undefined ? isDrawn : choice === "yes";
}

export function memberId(node: number): MemberId {
  return `fortune-${node}` as MemberId;
}

export function memberOf(node: number): Member {
  return { id: memberId(node), number: node, priority: 0 };
}

export function membersBetween(from: number, to: number): readonly Member[] {
  return Array.from({ length: to - from }, (_, index) => memberOf(from + index));
}

/** `nodes` may be more than the voters: the others observe. */
export function electionConfig(options: {
  readonly setup: Setup;
  readonly rules: Rules;
  readonly nodes: number;
  readonly node: number;
  readonly boot: string;
}): ElectionConfig {
  const { setup, rules, nodes, node, boot } = options;
  const profile = timingProfiles[setup.timing];
  const timing = setup.isCrowded ? { ...profile, staggerMs: 0.5, jitterMs: 2 } : profile;
  return configOf({
    self: memberId(node),
    boot,
    mode: setup.mode,
    timing,
    voters: membersBetween(0, setup.voters),
    observers: membersBetween(setup.voters, nodes),
    preempt: setup.preempt,
    leaseBreak: setup.leaseBreak,
    clockErrorMax: setup.rho,
    stableMs: 5 * profile.stickinessMs,
    coldStartMs: 2 * profile.stickinessMs,
    recordLeaseMs: 1_000,
    recordRenewMs: 300,
    memoryVoters: setup.hasMemoryVoters,
    rules,
    ...(setup.viewMin === undefined ? {} : { viewMin: setup.viewMin }),
  });
}
