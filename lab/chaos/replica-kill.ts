/** `kill -9` of random replicas under load. */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { EventTap } from "./event-tap.ts";
import { loadDuring } from "./load-during.ts";
import { summarize } from "./percentile.ts";
import { claim, type Proof, type ProofOptions, type ProofResult } from "./proof.ts";
import { kill, ThrowawayCluster } from "./throwaway-cluster.ts";

const backMsMax = 10_000;
const medianMsMax = 250;

const hypothesis = "No idempotent request fails, and the replica is back before one can look.";

export const replicaKill: Proof = {
  name: "replica-kill",
  hypothesis,
  defaults: { times: 100, rate: 500 },
  run: (options) => killReplicas("replica-kill", options),
};

export const replicaKillUnderLoad: Proof = {
  name: "replica-kill-under-load",
  hypothesis: `${hypothesis} At four times the load.`,
  defaults: { times: 100, rate: 2_000 },
  run: (options) => killReplicas("replica-kill-under-load", options),
};

async function killReplicas(
  name: string,
  { times, rate, say }: ProofOptions,
): Promise<ProofResult> {
  await using cluster = await ThrowawayCluster.create();
  await cluster.up();
  using tap = new EventTap(cluster);
  const backMs: number[] = [];
  const wholeMs: number[] = [];
  const load = await loadDuring(cluster, rate, async () => {
    await delay(1_000);
    for (let round = 1; round <= times; round++) {
      const running = (await cluster.replicas()).filter(({ ready, pid }) => ready && pid !== null);
      const victim = running[randomInt(running.length)];
      if (victim === undefined || victim.pid === null) throw new Error("nothing to kill");
      const killedAtMs = Date.now();
      kill(victim.pid);
      const ready = await tap.next(
        ({ type, instance, incarnation }) =>
          type === "instance.ready" &&
          instance === victim.name &&
          incarnation === victim.incarnation + 1,
        backMsMax,
      );
      backMs.push(Date.parse(ready.at) - killedAtMs);
      // Full count for clients too: all serve, and the gateway knows.
      await cluster.until("full count", backMsMax, async () => (await cluster.status()).converged);
      wholeMs.push(Date.now() - killedAtMs);
      if (round % 10 === 0) say(`${round} of ${times} kills`);
      await delay(randomInt(50, 250));
    }
    await delay(500);
  });
  const back = summarize(backMs);
  const whole = summarize(wholeMs);
  const carriers = cluster.census().filter(({ isGateway }) => !isGateway);
  return {
    name,
    claims: [
      claim(
        "failed requests are 0",
        load.failed === 0,
        `${load.failed} of ${load.sent} ${load.examples.join("; ")}`,
      ),
      claim(
        `back to full count, p50 <= ${medianMsMax} ms`,
        whole.p50 <= medianMsMax,
        `${whole.p50} ms`,
      ),
      claim("three copies, each once", carriers.length === 3, carriers.length),
    ],
    numbers: {
      kills: times,
      sent: load.sent,
      failed: load.failed,
      readyMsP50: back.p50,
      readyMsP95: back.p95,
      fullCountMsP50: whole.p50,
      fullCountMsP95: whole.p95,
      fullCountMsMax: whole.max,
      requestMsP50: load.p50Ms,
      requestMsP99: load.p99Ms,
      requestMsMax: load.maxMs,
    },
  };
}
