/** `kill -9` of the agent under load, at random moments and in the middle of `scale`. */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { loadDuring } from "./load-during.ts";
import { claim, type Proof } from "./proof.ts";
import { type Carrier, kill, ThrowawayCluster } from "./throwaway-cluster.ts";

const wholeMs = 15_000;

type Damage = { restarted: number; doubled: number; orphaned: number; short: number };

export const agentKill: Proof = {
  name: "agent-kill",
  hypothesis:
    "Traffic does not notice, and the next agent adopts what runs and finishes what was asked.",
  defaults: { times: 20, rate: 500 },
  run: async ({ times, rate, say }) => {
    await using cluster = await ThrowawayCluster.create();
    await cluster.up();
    const damage: Damage = { restarted: 0, doubled: 0, orphaned: 0, short: 0 };
    const load = await loadDuring(cluster, rate, async () => {
      await delay(500);
      let asked = 3;
      for (let round = 1; round <= times; round++) {
        const before = cluster.census();
        const isScaling = round % 2 === 0;
        const wish = isScaling ? (asked === 3 ? 6 : 3) : asked;
        const scaling = isScaling ? cluster.run("scale", "hello", `${wish}`) : undefined;
        await delay(isScaling ? randomInt(100, 600) : randomInt(0, 300));
        kill(cluster.agentPid);
        await cluster.up();
        // The command goes on with the next agent; one that was too early to be heard is asked again.
        const heard = await scaling;
        if (heard !== undefined && heard.code !== 0)
          await cluster.must("scale", "hello", `${wish}`);
        asked = wish;
        await cluster.until(
          `${asked} replicas serve`,
          wholeMs,
          async () => (await cluster.status()).converged,
        );
        await inspect(cluster, before, asked, damage);
        say(`${round} of ${times} kills${isScaling ? `, while scaling to ${wish}` : ""}`);
      }
    });
    return {
      name: "agent-kill",
      claims: [
        claim(
          "failed requests are 0",
          load.failed === 0,
          `${load.failed} of ${load.sent} ${load.examples.join("; ")}`,
        ),
        claim("no replica restarted", damage.restarted === 0, damage.restarted),
        claim("none doubled", damage.doubled === 0, damage.doubled),
        claim("none orphaned", damage.orphaned === 0, damage.orphaned),
        claim("the asked count is reached", damage.short === 0, damage.short),
      ],
      numbers: {
        kills: times,
        sent: load.sent,
        failed: load.failed,
        ...damage,
        requestMsMax: load.maxMs,
      },
    };
  },
};

/** Compares what the kernel knows with what the agent says. */
async function inspect(
  cluster: ThrowawayCluster,
  before: readonly Carrier[],
  asked: number,
  damage: Damage,
): Promise<void> {
  const after = cluster.census();
  const status = await cluster.status();
  const known = [...(status.services[0]?.instances ?? []), ...status.gateways];
  const survivors = new Set(after.map(({ pid }) => pid));
  const names = new Set(after.map(({ instance }) => instance));
  // A copy may be gone because its member is wanted no more; another pid under its name is a restart.
  damage.restarted += before.filter(
    ({ pid, instance }) => names.has(instance) && !survivors.has(pid),
  ).length;
  damage.doubled += after.length - names.size;
  damage.orphaned += after.filter(
    ({ pid }) => !known.some((instance) => instance.pid === pid),
  ).length;
  damage.short += Math.abs(asked - after.filter(({ isGateway }) => !isGateway).length);
}
