/** All experiments, one after another: they share the machine, and nothing may disturb a time. */
import type { RunContext } from "../run-paper.ts";
import { measureFailovers } from "./failover.ts";
import type { Found } from "./findings.ts";
import { measureUsers } from "./user-load.ts";

export type RunOptions = RunContext & {
  /** How often the leader is killed, and how often it is frozen. */
  readonly kills: number;
  /** The largest row of the load table. */
  readonly usersMax: number;
  readonly seed: number;
};

/** Enough that a gap of some milliseconds shows, little enough that no time waits for the processor. */
const perSecond = 500;

export async function runExperiments(options: RunOptions): Promise<Found> {
  const underLoad = { ...options, perSecond };
  const killed = await measureFailovers("SIGKILL", underLoad);
  const frozen = await measureFailovers("SIGSTOP", underLoad);
  return { seed: options.seed, killed, frozen, users: await measureUsers(options) };
}
