/** Agent, gateway and replicas killed at once; then `up`. */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { summarize } from "./percentile.ts";
import { claim, type Proof } from "./proof.ts";
import { kill, ThrowawayCluster } from "./throwaway-cluster.ts";

const wholeMs = 15_000;

export const allKill: Proof = {
  name: "all-kill",
  hypothesis: "Whatever was killed, one `up` makes the cluster whole again.",
  defaults: { times: 5, rate: 0 },
  run: async ({ times, say }) => {
    await using cluster = await ThrowawayCluster.create();
    await cluster.up();
    const upMs: number[] = [];
    let broken = 0;
    for (let round = 1; round <= times; round++) {
      const replicas = cluster.census().filter(({ isGateway }) => !isGateway);
      const gateways = cluster.census().filter(({ isGateway }) => isGateway);
      // One replica in the first rounds, in the end all of them.
      const victims = replicas.slice(0, round === times ? replicas.length : randomInt(1, 3));
      for (const pid of [cluster.agentPid, ...[...gateways, ...victims].map((one) => one.pid)])
        kill(pid);
      await delay(randomInt(0, 200));
      const askedAtMs = performance.now();
      await cluster.up();
      upMs.push(Math.round(performance.now() - askedAtMs));
      await cluster.until(
        "the cluster is whole",
        wholeMs,
        async () => (await cluster.status()).converged,
      );
      const names = cluster.census().map(({ instance }) => instance);
      const answer = await fetch(`${cluster.url}/home`);
      if (!answer.ok || names.length !== 4 || new Set(names).size !== 4) broken += 1;
      say(`${round} of ${times}: killed the agent, the gateway and ${victims.length} replicas`);
    }
    const up = summarize(upMs);
    return {
      name: "all-kill",
      claims: [
        claim("whole again after every round", broken === 0, `${broken} of ${times} were not`),
      ],
      numbers: { rounds: times, upMsP50: up.p50, upMsMax: up.max },
    };
  },
};
