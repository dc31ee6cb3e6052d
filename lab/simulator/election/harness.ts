/**
 * Elections in the simulator: storms of random faults, a nemesis that aims, an arbiter that answers
 * late, resources that check tokens, writes that are under way for too long. Each seed is another
 * election; the promises of `core/election` are checked after every step of every member.
 */
import { type DurableRecord, type State, timingProfiles } from "@prunella/core/election";
import { Chance } from "../chance.ts";
import type { Storage, TimedFault } from "../fault.ts";
import type { NetworkOptions } from "../network.ts";
import type { Harness, Outcome, Plan, Recording, Search } from "../plan.ts";
import { runPlan } from "../run-plan.ts";
import { drawFaults, drawNetwork, type FaultKind } from "../swarm.ts";
import type { World } from "../world.ts";
import { ElectionWorld, type OperatorWord } from "./election-world.ts";
import { electorProgram, type Letter } from "./elector.ts";
import { mutants } from "./mutants.ts";
import { Nemesis } from "./nemesis.ts";
import { drawSetup, memberId, type Setup, switchesOf } from "./setup.ts";
import { studies } from "./studies.ts";

/** In stickiness periods. */
const stormPeriods = 20;
const settlePeriods = 14;
const calmPeriods = 5;
/** What a handover may take. */
const movePeriods = 3;

const storages: Readonly<Record<Setup["mode"], readonly [Storage, ...Storage[]]>> = {
  quorum: ["kept", "unsynced", "torn"],
  available: ["kept", "unsynced", "torn"],
  arbiter: ["kept", "unsynced", "wiped"], // The record remembers for everybody.
};

const everyKind: readonly FaultKind[] = [
  ...(["crash", "pause", "cut", "rate", "wall", "stall", "close", "refuse"] as const),
];

export const electionHarness: Harness = {
  name: "election",
  says: "leader election in its three modes, with leases, fences and an arbiter",
  mutants,
  studies,
  quietKinds: ["announce", "ack"],
  draw,
  run,
};

function draw({ seed, mutant, choices }: Search): Plan {
  const chance = new Chance(seed);
  const isDirected = chance.happens(0.5);
  const drawnNodes = isDirected ? chance.pick([3, 3, 3, 5]) : chance.pick([3, 3, 5, 5, 7]);
  const setup = drawSetup(chance, choices["change"] === "yes" ? 5 : drawnNodes, choices);
  const nodes = setup.mode === "quorum" ? setup.voters : chance.pick([2, 3, 3, 5]);
  const scaleMs = timingProfiles[setup.timing].stickinessMs;
  const stormMs = stormPeriods * scaleMs;
  const climate = { nodes, stormMs, scaleMs, rho: setup.rho, storages: storages[setup.mode] };
  const kinds = isDirected ? everyKind.filter((kind) => kind !== "rate") : everyKind;
  const faults = drawFaults(chance, { ...climate, kinds });
  const extras = [
    ...(isDirected ? pinnedClocks(chance, nodes, setup.rho) : []),
    ...operatorFaults(chance, { nodes, stormMs, scaleMs, setup }),
  ];
  const votersFirst = setup.changesVoters ? 3 : nodes;
  return {
    harness: "election",
    seed,
    nodes,
    network: isDirected ? aimedNetwork(chance, scaleMs) : drawNetwork(chance, scaleMs),
    faults: [...faults, ...extras].sort((a, b) => a.atMs - b.atMs),
    misfortunes: undefined,
    nemesis: isDirected ? "hunter" : undefined,
    mutant,
    stormMs,
    settings: { ...setup, voters: votersFirst },
  };
}

/** Tails on votes alone, or on heartbeats alone: the replies that come after the world has moved. */
function aimedNetwork(chance: Chance, scaleMs: number): NetworkOptions {
  const kinds = chance.pick<readonly string[]>([
    ["vote", "grant"],
    ["announce", "ack"],
    ["ok", "live", "defer"],
  ]);
  return {
    ...drawNetwork(chance, scaleMs),
    tailChance: chance.between(0.1, 0.5),
    tailLeastMs: 20,
    tailMostMs: 400,
    tailKinds: kinds,
  };
}

function pinnedClocks(chance: Chance, nodes: number, rho: number): readonly TimedFault[] {
  return Array.from({ length: nodes }, (_, node) => {
    const rate = 1 + (chance.happens(0.5) ? rho : -rho);
    return { atMs: 0, type: "rate", node, rate } as const;
  });
}

function operatorFaults(
  chance: Chance,
  run: { nodes: number; stormMs: number; scaleMs: number; setup: Setup },
): readonly TimedFault[] {
  const { nodes, stormMs, scaleMs, setup } = run;
  const words: { atMs: number; node: number; word: OperatorWord }[] = [];
  const often = (everyMs: number, say: () => OperatorWord): void => {
    for (let atMs = chance.next() * everyMs; atMs < stormMs; atMs += chance.next() * 2 * everyMs) {
      words.push({ atMs, node: chance.whole(0, nodes - 1), word: say() });
    }
  };
  if (chance.happens(0.3)) {
    often(4 * scaleMs, () => ({ do: "resign", drainMs: chance.between(0.05, 1) * scaleMs }));
  }
  if (setup.isForged) {
    often(2 * scaleMs, () => ({
      do: "forge",
      kind: chance.pick(["announce", "vote", "resign"]),
      ahead: chance.whole(0, 1_000),
    }));
  }
  if (setup.changesVoters) {
    often(2 * scaleMs, () => {
      const voters = new Set<number>();
      const count = chance.pick([3, 3, 3, nodes]);
      while (voters.size < count) voters.add(chance.whole(0, nodes - 1));
      return { do: "voters", voters: [...voters] };
    });
  }
  return words.map((fault) => ({ ...fault, type: "word" }));
}

function run(plan: Plan, recording?: Recording): Outcome {
  const { seed, nodes, stormMs, mutant } = plan;
  const setup = plan.settings as Setup;
  const scaleMs = timingProfiles[setup.timing].stickinessMs;
  const tally: Record<string, number> = { [setup.mode]: 1 };
  let world: World<State, Letter, DurableRecord> | undefined;
  const nemesis =
    plan.nemesis === undefined
      ? undefined
      : new Nemesis(new Chance(seed ^ 0x6a09e667), {
          nodes,
          scaleMs,
          stormMs,
          nowMs: () => world?.nowMs ?? 0,
          harm: (fault) => world?.plan(fault),
        });
  const around = new ElectionWorld({
    seed,
    setup,
    switches: switchesOf(mutant),
    members: Array.from({ length: nodes }, (_, node) => memberId(node)),
    tally,
    nemesis,
    hasSlowWrites: true,
  });
  let agreed: string | undefined;
  const mayMove = setup.preempt !== "never";
  return runPlan({
    plan,
    recording,
    program: electorProgram(around),
    world: { syncLeastMs: 0.2, syncMostMs: scaleMs / 20, timerLateMs: 1.5, dialTimeoutMs: 50 },
    tally,
    observer: around,
    begin: (begun) => {
      world = begun;
      around.begin(begun, scaleMs / 4);
    },
    settleMs: settlePeriods * scaleMs,
    judge: (judged) => {
      agreed = leaderOf(around, judged, mayMove ? movePeriods * scaleMs : 0);
      tally["terms"] = around.termsRaised();
      tally["stuck"] = Number(agreed === undefined);
    },
    calmMs: calmPeriods * scaleMs,
    end: (ended) => {
      const now = leaderOf(around, ended, mayMove ? movePeriods * scaleMs : 0);
      if (now !== agreed && !mayMove) ended.fail("L4", `${agreed} became ${now} in the calm`);
    },
  });
}

/** L1 and L2. A better member may be taking over at this moment: then they hold a little later. */
function leaderOf(
  around: ElectionWorld,
  world: World<State, Letter, DurableRecord>,
  patienceMs: number,
): string | undefined {
  const first = around.agreement();
  if (first.is === "broken") world.run(world.nowMs + patienceMs);
  const agreement = first.is === "broken" && patienceMs > 0 ? around.agreement() : first;
  if (agreement.is === "broken") world.fail(agreement.promise, agreement.sentence);
  return agreement.is === "agreed" ? agreement.leader : undefined;
}
