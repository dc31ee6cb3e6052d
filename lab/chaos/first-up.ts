/** The first minute: from `up` in an empty folder to everything serving. */
import { summarize } from "./percentile.ts";
import { claim, type Proof } from "./proof.ts";
import { ThrowawayCluster } from "./throwaway-cluster.ts";

const msMax = 3_000;

export const firstUp: Proof = {
  name: "first-up",
  hypothesis: "After install, `up` to all serving takes at most three seconds.",
  defaults: { times: 10, rate: 0 },
  run: async ({ times, say }) => {
    const upMs: number[] = [];
    let broken = 0;
    for (let round = 1; round <= times; round++) {
      await using cluster = await ThrowawayCluster.create();
      const startedAtMs = performance.now();
      await cluster.up();
      upMs.push(Math.round(performance.now() - startedAtMs));
      const answer = await fetch(`${cluster.url}/home`);
      if (!answer.ok || !(await cluster.status()).converged) broken += 1;
      say(`${round} of ${times}: ${upMs.at(-1)} ms`);
    }
    const up = summarize(upMs);
    return {
      name: "first-up",
      claims: [
        claim("all serve when up ends", broken === 0, `${broken} of ${times} did not`),
        claim(`up takes at most ${msMax} ms, p95`, up.p95 <= msMax, `${up.p95} ms`),
      ],
      numbers: { rounds: times, upMsP50: up.p50, upMsP95: up.p95, upMsMax: up.max },
    };
  },
};
