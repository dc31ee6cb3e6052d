/** The fortune cluster of the examples, for one experiment: who leads it, and what its electors wrote down. */
import { fileURLToPath } from "node:url";
import type { InstanceStatus } from "@prunella/wire/control";
import { environmentOf, ThrowawayCluster } from "../../chaos/throwaway-cluster.ts";
import type { Question } from "../asking.ts";

const program = fileURLToPath(new URL("../../../examples/fortune/fortune.ts", import.meta.url));
const settledMsMax = 30_000;

const instanceCount = 3;

export async function startFortuneCluster(): Promise<ThrowawayCluster> {
  const cluster = await ThrowawayCluster.create({
    kind: "elected",
    run: ["node", "-C", "@prunella/source", program],
    count: instanceCount,
    service: 'route: "/", health: "/health", timing: "lan"',
  });
  try {
    await cluster.up();
    await settled(cluster);
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

/** A cookie; it names the term and the leader that opened it, in this order. */
export const cookie: Question = { path: () => "/fortune", serverOf: openerOf };

/** `"TERM LEADER"` of `{"fortune":...,"number":...,"leader":...,"term":...}`. */
export function openerOf(body: string): string | undefined {
  const leader = /"leader"\s*:\s*"([^"]+)"/.exec(body)?.[1];
  const term = /"term"\s*:\s*(\d+)/.exec(body)?.[1];
  return leader === undefined || term === undefined ? undefined : `${term} ${leader}`;
}

export function termOf(opener: string): number {
  return Number.parseInt(opener, 10);
}

export type Leader = { readonly name: string; readonly pid: number; readonly term: number };

/** Waits until all instances serve and one of them leads. */
export async function settled(cluster: ThrowawayCluster): Promise<Leader> {
  let leader: Leader | undefined;
  await cluster.until("three instances serve, and one leads", settledMsMax, async () => {
    const { converged, services } = await cluster.status();
    const instances = services[0]?.instances ?? [];
    const isWhole = converged && instances.filter(({ ready }) => ready).length === instanceCount;
    leader = leaderOf(instances);
    return isWhole && leader !== undefined;
  });
  if (leader === undefined) throw new Error("nobody leads");
  return leader;
}

export async function currentLeader(cluster: ThrowawayCluster): Promise<Leader | undefined> {
  return leaderOf((await cluster.status()).services[0]?.instances ?? []);
}

function leaderOf(instances: readonly InstanceStatus[]): Leader | undefined {
  const found = instances.find(({ leads }) => leads === true);
  if (found === undefined || typeof found.pid !== "number" || found.term === undefined) {
    return undefined;
  }
  return { name: found.name, pid: found.pid, term: found.term };
}

/** A row of an elector's history; times in milliseconds since 1970. */
export type Reign = {
  readonly term: number;
  readonly fromMs: number;
  /** From its last sign of life to the suspicion, and from there to the next leader. */
  readonly detectMs?: number;
  readonly electMs?: number;
};

/** The history as the leader's own elector has it: it knows the moment of its election, not of the report. */
export async function historyOf({ pid }: Leader): Promise<readonly Reign[]> {
  const port = environmentOf(pid).get("PRUNELLA_ELECTION_PORT");
  const answer = await fetch(`http://127.0.0.1:${port}/election/history`);
  const { history } = (await answer.json()) as { readonly history: readonly Reign[] };
  return history;
}
