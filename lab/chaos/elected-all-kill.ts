/** Agent, gateway and all members of an election killed at once; then `up`. */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { createElectedCluster, leaderOf, readCounter } from "./elected-cluster.ts";
import { summarize } from "./percentile.ts";
import { claim, type Proof } from "./proof.ts";
import { kill } from "./throwaway-cluster.ts";

const incrementsEach = 20;
const answerMsMax = 15_000;

export const electedAllKill: Proof = {
  name: "elected-all-kill",
  hypothesis:
    "After the death of everything, one `up` brings a leader of a higher term and every count back.",
  defaults: { times: 5, rate: 0 },
  run: async ({ times, say }) => {
    await using cluster = await createElectedCluster(3);
    await cluster.up();
    const acknowledged: string[] = [];
    const terms = [(await leaderOf(cluster)).term];
    const backMs: number[] = [];
    for (let round = 1; round <= times; round++) {
      for (let number = 1; number <= incrementsEach; number++) {
        const key = `${round}-${number}`;
        const headers = { "idempotency-key": key };
        const answer = await fetch(`${cluster.url}/increment`, { method: "POST", headers });
        await answer.arrayBuffer();
        if (answer.ok) acknowledged.push(key);
      }
      const pids = cluster.census().map(({ pid }) => pid);
      for (const pid of [cluster.agentPid, ...pids]) kill(pid);
      await delay(randomInt(0, 200));
      const askedAtMs = performance.now();
      await cluster.up();
      await cluster.until("the new leader answers", answerMsMax, async () => {
        return (await fetch(`${cluster.url}/`)).ok;
      });
      backMs.push(Math.round(performance.now() - askedAtMs));
      terms.push((await leaderOf(cluster)).term);
      say(`${round} of ${times}: everything killed, back after ${backMs.at(-1)} ms`);
    }
    const keys = new Set(readCounter(cluster).increments.map(({ key }) => key));
    const lost = acknowledged.filter((key) => !keys.has(key));
    const isGrowing = terms.every((term, index) => index === 0 || term > (terms[index - 1] ?? 0));
    const back = summarize(backMs);
    return {
      name: "elected-all-kill",
      claims: [
        claim(
          "each term is higher than the one before",
          isGrowing,
          terms.map((term) => term - (terms[0] ?? 0)).join(", "),
        ),
        claim(
          "no acknowledged increment is lost",
          lost.length === 0,
          `${lost.length} of ${acknowledged.length}`,
        ),
      ],
      numbers: { rounds: times, increments: keys.size, backMsP50: back.p50, backMsMax: back.max },
    };
  },
};
