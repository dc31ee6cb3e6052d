/**
 * SIGSTOP of the leader: nobody can prove that it is gone, so the others wait until it has been silent for
 * as long as `timing` says. In the meantime it had accepted a write; resumed after its successor has
 * written, it tries to finish, without a look at its lease. The fence at the resource must refuse that.
 */
import { setTimeout as delay } from "node:timers/promises";
import { createElectedCluster, leaderOf, quarantineMs, readCounter } from "./elected-cluster.ts";
import { LeaderWatch } from "./leader-watch.ts";
import { summarize } from "./percentile.ts";
import { claim, type Proof } from "./proof.ts";
import type { ThrowawayCluster } from "./throwaway-cluster.ts";

const answerMsMax = 15_000;
/** Between accepting the write and writing: time enough to be stopped, too little to be done before. */
const lateMs = 200;
/** A silence as long as the profile `lan` waits for, and an election. */
const firstAnswerMsMax = 800;

export const leaderStop: Proof = {
  name: "leader-stop",
  hypothesis:
    "A leader that hangs is replaced within 800 ms, and what it writes afterwards is refused.",
  defaults: { times: 20, rate: 50 },
  run: async ({ times, rate, say }) => {
    await using cluster = await createElectedCluster(3);
    await cluster.up();
    await leaderOf(cluster);
    const watch = new LeaderWatch(cluster, rate);
    const firstMs: number[] = [];
    for (let round = 1; round <= times; round++) {
      firstMs.push(await stopOnce(cluster, watch, round));
      say(`${round} of ${times} stops, the last ${Math.round(firstMs.at(-1) ?? 0)} ms`);
    }
    await watch.stop();
    const { increments, refusals } = readCounter(cluster);
    const late = increments.filter(({ key }) => key.startsWith("late-"));
    const own = increments.filter(({ key }) => key.startsWith("own-"));
    const first = summarize(firstMs);
    return {
      name: "leader-stop",
      claims: [
        claim(
          `first answer of the new leader, p95 <= ${firstAnswerMsMax} ms`,
          first.p95 <= firstAnswerMsMax,
          `${Math.round(first.p95)} ms`,
        ),
        claim(
          "each late write of an old leader was refused",
          refusals.length === times,
          `${refusals.length} of ${times}`,
        ),
        claim("none of them counted", late.length === 0, late.length),
        claim(
          "each write of a successor counted",
          own.length === times,
          `${own.length} of ${times}`,
        ),
      ],
      numbers: {
        stops: times,
        firstMsP50: first.p50,
        firstMsP95: first.p95,
        firstMsMax: first.max,
      },
    };
  },
};

async function stopOnce(
  cluster: ThrowawayCluster,
  watch: LeaderWatch,
  round: number,
): Promise<number> {
  const leader = await leaderOf(cluster);
  await delay(quarantineMs);
  const status = await cluster.status();
  const found = status.services[0]?.instances.find(({ name }) => name === leader.name);
  // Straight to the leader: the gateway would rightly take the request to its successor.
  const late = post(`http://${found?.address}/increment?lateMs=${lateMs}`, `late-${round}`);
  await delay(lateMs / 4);
  const stoppedAtMs = performance.now();
  process.kill(leader.pid, "SIGSTOP");
  try {
    const first = await watch.newTerm(leader.term, answerMsMax);
    await post(`${cluster.url}/increment`, `own-${round}`);
    return first.atMs - stoppedAtMs;
  } finally {
    process.kill(leader.pid, "SIGCONT");
    await late;
    await cluster.until("the late write was tried", answerMsMax, () => {
      const { increments, refusals } = readCounter(cluster);
      return [...increments, ...refusals].some(({ key }) => key === `late-${round}`);
    });
  }
}

/** The answer may be cut off: what counts is what is in the counter. */
async function post(url: string, key: string): Promise<number> {
  const headers = { "idempotency-key": key };
  return await fetch(url, { method: "POST", headers }).then(
    async (answer) => {
      await answer.arrayBuffer();
      return answer.status;
    },
    () => 0,
  );
}
