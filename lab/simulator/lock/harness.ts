/**
 * The lock service in the simulator: its faults, its promises, and its flaws as mutants.
 *
 *   LOCK1  at most one client acts as the holder at any moment
 *   LOCK2  the tokens of successive holders rise
 *   LOCK3  somebody holds the lock within 2 leases and 2 questions of the heal
 */
import { Chance } from "../chance.ts";
import type { Harness, Outcome, Plan, Recording, Search } from "../plan.ts";
import { runPlan } from "../run-plan.ts";
import { drawFaults, drawNetwork } from "../swarm.ts";
import type { World } from "../world.ts";
import {
  type Client,
  type LockFlaw,
  type LockMessage,
  type LockRecord,
  type LockState,
  leaseMs,
  lockFlaws,
  lockProgram,
  lockRho,
} from "./lock-service.ts";

const nodes = 4;
const stormMs = 3_000;
const settleMs = 800;

export const lockHarness: Harness = {
  name: "lock",
  says: "a lock with a lease, on which the simulator itself is tried",
  mutants: Object.entries(lockFlaws).map(([name, says]) => ({
    name,
    says,
    budget: 300,
    choices: {},
  })),
  studies: [],
  quietKinds: [],
  draw: ({ seed, mutant }: Search): Plan => {
    const chance = new Chance(seed);
    return {
      harness: "lock",
      seed,
      nodes,
      network: drawNetwork(chance, leaseMs),
      faults: drawFaults(chance, {
        nodes,
        stormMs,
        scaleMs: leaseMs,
        rho: lockRho,
        storages: ["kept", "unsynced", "torn"],
        kinds: ["crash", "pause", "cut", "rate", "stall", "close"],
      }),
      misfortunes: undefined,
      nemesis: undefined,
      mutant,
      stormMs,
      settings: {},
    };
  },
  run: (plan: Plan, recording?: Recording): Outcome => {
    const flaw = isFlaw(plan.mutant) ? plan.mutant : undefined;
    const tally = { grants: 0, crashes: 0 };
    let highest = 0;
    let lastGrantAtMs = 0;
    let world: World<LockState, LockMessage, LockRecord> | undefined;
    return runPlan({
      plan,
      recording,
      program: lockProgram(flaw),
      world: { syncLeastMs: 1, syncMostMs: 40, timerLateMs: 1, dialTimeoutMs: 50 },
      tally,
      begin: (begun) => {
        world = begun;
        for (let node = 0; node < nodes; node += 1) begun.boot(node);
      },
      observer: {
        crashed: () => {
          tally.crashes += 1;
        },
        stepped: (node, before, after) => {
          if (world === undefined || after.role === "server" || before === after) return;
          if (before.role === "client" && after.token === before.token) return;
          tally.grants += 1;
          const others = holders(world, node);
          if (others.length > 0) {
            world.fail("LOCK1", `node ${node} holds the lock while node ${others[0]} does`);
          }
          if (after.token <= highest) {
            world.fail("LOCK2", `token ${after.token} after token ${highest}`);
          }
          highest = after.token;
          lastGrantAtMs = world.nowMs;
        },
      },
      settleMs,
      judge: (judged) => {
        if (lastGrantAtMs < plan.stormMs) {
          judged.fail("LOCK3", "nobody got the lock after the heal");
        }
      },
      calmMs: 0,
      end: () => undefined,
    });
  },
};

/** Clients that act as the holder now. A paused one does not know better; a dead one acts no more. */
function holders(world: World<LockState, LockMessage, LockRecord>, but: number): readonly number[] {
  const found: number[] = [];
  for (let node = 1; node < nodes; node += 1) {
    const state = world.stateOf(node);
    if (node === but || state?.role !== "client") continue;
    if (isHolding(state, world.localMs(node))) found.push(node);
  }
  return found;
}

function isHolding({ heldUntilMs }: Client, localMs: number): boolean {
  return localMs < heldUntilMs;
}

function isFlaw(name: string | undefined): name is LockFlaw {
  return name !== undefined && name in lockFlaws;
}
