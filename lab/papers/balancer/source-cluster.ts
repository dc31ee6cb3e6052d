/** A real cluster that speaks the source's API, and the few calls that the experiments make. */
import { ThrowawayCluster } from "../../chaos/throwaway-cluster.ts";
import { serverOf } from "../asking.ts";
import type { OfferedPlacement, ProductHash } from "./placements.ts";

const settledMsMax = 10_000;

/** Starts it; servers are called "Server 1" to "Server N", as in the source. */
export async function startSourceCluster(
  hash: ProductHash,
  count: number,
): Promise<ThrowawayCluster> {
  const service = `health: "/heartbeat", compat: "load-balancer", hash: "${hash}"`;
  const cluster = await ThrowawayCluster.create({ count, service });
  try {
    await cluster.up();
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

export type ApiAnswer = { readonly status: number; readonly body: string };

export async function call(
  cluster: ThrowawayCluster,
  method: string,
  path: string,
  payload?: unknown,
): Promise<ApiAnswer> {
  const answer = await fetch(`${cluster.url}${path}`, {
    method,
    ...(payload === undefined ? {} : { body: JSON.stringify(payload) }),
  });
  return { status: answer.status, body: await answer.text() };
}

/** The names of the servers in the order of their numbers. */
export async function serverNames(cluster: ThrowawayCluster): Promise<readonly string[]> {
  const { body } = await call(cluster, "GET", "/rep");
  const replicas: unknown = JSON.parse(body)?.message?.replicas;
  if (!Array.isArray(replicas)) throw new Error(`/rep answered ${body}`);
  return replicas.map(String);
}

/** Adds servers by the source's `/add` until there are `count`, and waits until the last one serves. */
export async function growTo(
  cluster: ThrowawayCluster,
  count: number,
  placement: OfferedPlacement,
): Promise<void> {
  const present = (await serverNames(cluster)).length;
  if (present < count) {
    const hostnames = Array.from(
      { length: count - present },
      (_, index) => `Server ${present + index + 1}`,
    );
    const { status, body } = await call(cluster, "POST", "/add", {
      n: hostnames.length,
      hostnames,
    });
    if (status !== 200) throw new Error(`/add answered ${status} ${body}`);
  }
  const ownerOf = placement.owners(count);
  let id = 100_000;
  while (ownerOf(id) !== count) id += 1;
  await cluster.until(`server ${count} answers`, settledMsMax, async () => {
    const { body } = await call(cluster, "GET", `/home?id=${id}`);
    return serverOf(body) === `Server ${count}`;
  });
}
