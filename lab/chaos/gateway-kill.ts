/** `kill -9` of the gateway: how long until a client is answered again. */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { summarize } from "./percentile.ts";
import { claim, type Proof } from "./proof.ts";
import { kill, ThrowawayCluster } from "./throwaway-cluster.ts";

const backMsMax = 10_000;
const msMax = 300;
const askEveryMs = 2;

export const gatewayKill: Proof = {
  name: "gateway-kill",
  hypothesis: "The gateway serves again within 300 ms of its death.",
  defaults: { times: 20, rate: 0 },
  run: async ({ times, say }) => {
    await using cluster = await ThrowawayCluster.create();
    await cluster.up();
    const backMs: number[] = [];
    for (let round = 1; round <= times; round++) {
      await delay(randomInt(300, 800));
      const pid = await cluster.gatewayPid();
      const killedAtMs = performance.now();
      kill(pid);
      await answered(`${cluster.url}/home`, killedAtMs + backMsMax);
      backMs.push(Math.round(performance.now() - killedAtMs));
      await cluster.until(
        "the gateway is whole",
        backMsMax,
        async () => (await cluster.status()).converged,
      );
      if (round % 5 === 0) say(`${round} of ${times} kills`);
    }
    const back = summarize(backMs);
    return {
      name: "gateway-kill",
      claims: [claim(`serving again, p95 <= ${msMax} ms`, back.p95 <= msMax, `${back.p95} ms`)],
      numbers: { kills: times, backMsP50: back.p50, backMsP95: back.p95, backMsMax: back.max },
    };
  },
};

async function answered(url: string, endAtMs: number): Promise<void> {
  while (performance.now() < endAtMs) {
    const isOk = await fetch(url, { headers: { connection: "close" } }).then(
      async (answer) => {
        await answer.arrayBuffer();
        return answer.ok;
      },
      () => false,
    );
    if (isOk) return;
    await delay(askEveryMs);
  }
  throw new Error(`${url} did not answer in time`);
}
