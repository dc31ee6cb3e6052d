/** A throwaway cluster whose service elects a leader that keeps a fenced counter, and what proofs ask of it. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { timingProfiles } from "@prunella/core/election";
import type { InstanceStatus } from "@prunella/wire/control";
import { ThrowawayCluster } from "./throwaway-cluster.ts";

const program = fileURLToPath(new URL("fixtures/fenced-counter.ts", import.meta.url));
const counterFile = "counter.db";
const readyMs = 30_000;
/** A voter that was restarted refuses its vote for so long; a second death within that time waits. */
export const quarantineMs = timingProfiles.lan.stickinessMs;

export type Leader = {
  readonly name: string;
  readonly pid: number;
  readonly term: number;
  readonly incarnation: number;
};

export async function createElectedCluster(count: number, options = ""): Promise<ThrowawayCluster> {
  return await ThrowawayCluster.create({
    kind: "elected",
    count,
    run: [process.execPath, "-C", "@prunella/source", program, counterFile],
    service: `route: "/", ${options}`,
  });
}

/** Waits until everybody serves and one of them leads; `killed` in a later life, if somebody was. */
export async function leaderOf(cluster: ThrowawayCluster, killed?: Leader): Promise<Leader> {
  let found: Leader | undefined;
  await cluster.until("all serve and one of them leads", readyMs, async () => {
    const { converged, services } = await cluster.status();
    const instances = services[0]?.instances ?? [];
    // An election is over before the agent has looked at what the dead process left.
    const again = instances.find(({ name }) => name === killed?.name);
    const isBack = killed === undefined || (again?.incarnation ?? 0) > killed.incarnation;
    found = converged && isBack ? leaderAmong(instances) : undefined;
    return found !== undefined;
  });
  if (found === undefined) throw new Error("nobody leads");
  return found;
}

function leaderAmong(instances: readonly InstanceStatus[]): Leader | undefined {
  const leader = instances.find(({ leads }) => leads === true);
  if (leader === undefined || leader.pid === null) return undefined;
  const { name, pid, term = 0, incarnation } = leader;
  return { name, pid, term: term ?? 0, incarnation };
}

export type Increment = { readonly key: string; readonly term: number };
/** Somebody was asked for an increment that was refused, or that was there already. */
export type Refusal = { readonly key: string; readonly name: string; readonly term: number };

/** What the counter's file says, read as nobody's leader. */
export function readCounter({ folder }: ThrowawayCluster): {
  readonly increments: readonly Increment[];
  readonly refusals: readonly Refusal[];
  readonly repeats: readonly Refusal[];
} {
  using database = new DatabaseSync(join(folder, counterFile), { readOnly: true });
  const increments = database.prepare("SELECT key, term FROM increments").all();
  const refusals = database.prepare("SELECT key, name, term FROM refusals").all();
  const repeats = database.prepare("SELECT key, name, term FROM repeats").all();
  return {
    increments: increments.map(({ key, term }) => ({ key: `${key}`, term: Number(term) })),
    refusals: refusals.map(refusalFrom),
    repeats: repeats.map(refusalFrom),
  };
}

function refusalFrom({ key, name, term }: Record<string, unknown>): Refusal {
  return { key: `${key}`, name: `${name}`, term: Number(term) };
}
