/**
 * Leaders are killed while clients count. A client repeats an increment under its idempotency key until it
 * is acknowledged: each acknowledged one must be there, and none may be there twice.
 */
import { setTimeout as delay } from "node:timers/promises";
import { createElectedCluster, leaderOf, quarantineMs, readCounter } from "./elected-cluster.ts";
import { claim, type Proof } from "./proof.ts";
import { kill, type ThrowawayCluster } from "./throwaway-cluster.ts";

const clientCount = 4;
const tryMsMax = 5_000;
const retryMs = 10;

/** What one client was promised, and how often the counter said that a key was new to it. */
type Ledger = { readonly acknowledged: Set<string>; newCount: number; tries: number };

export const leaderCounter: Proof = {
  name: "leader-counter",
  hypothesis: "No acknowledged increment is lost, and none counts twice.",
  defaults: { times: 200, rate: 100 },
  run: async ({ times, rate, say }) => {
    await using cluster = await createElectedCluster(3);
    await cluster.up();
    await leaderOf(cluster);
    const stop = new AbortController();
    const ledger: Ledger = { acknowledged: new Set(), newCount: 0, tries: 0 };
    const pauseMs = (1_000 * clientCount) / rate;
    const clients = Array.from({ length: clientCount }, (_, client) =>
      count(cluster, ledger, `client-${client}`, pauseMs, stop.signal),
    );
    for (let round = 1; round <= times; round++) {
      const { pid } = await leaderOf(cluster);
      await delay(quarantineMs);
      kill(pid);
      if (round % 10 === 0) say(`${round} of ${times} kills, ${ledger.acknowledged.size} counted`);
    }
    await leaderOf(cluster);
    stop.abort();
    await Promise.all(clients);
    const { increments } = readCounter(cluster);
    const keys = new Set(increments.map(({ key }) => key));
    const lost = [...ledger.acknowledged].filter((key) => !keys.has(key));
    const doubled = increments.length - keys.size;
    const unasked = [...keys].filter((key) => !ledger.acknowledged.has(key));
    return {
      name: "leader-counter",
      claims: [
        claim(
          "no acknowledged increment is lost",
          lost.length === 0,
          `${lost.length} of ${ledger.acknowledged.size}`,
        ),
        claim(
          "none counts twice",
          doubled === 0 && ledger.newCount <= keys.size,
          `${ledger.newCount} were new, ${keys.size} are there`,
        ),
        claim("nothing else was counted", unasked.length === 0, unasked.length),
        claim(
          "terms only grew",
          isSorted(increments),
          `${new Set(increments.map(({ term }) => term)).size} terms`,
        ),
      ],
      numbers: { kills: times, increments: keys.size, tries: ledger.tries },
    };
  },
};

/** Counts without end; a key is given up only after it was acknowledged. */
async function count(
  cluster: ThrowawayCluster,
  ledger: Ledger,
  client: string,
  pauseMs: number,
  stop: AbortSignal,
): Promise<void> {
  for (let number = 0; !stop.aborted; number++) {
    const key = `${client}-${String(number).padStart(6, "0")}`;
    for (let isDone = false; !isDone; ) {
      ledger.tries += 1;
      const answer = await ask(cluster, key);
      isDone = answer !== undefined;
      if (answer?.isNew === true) ledger.newCount += 1;
      if (!isDone) await delay(retryMs);
    }
    ledger.acknowledged.add(key);
    await delay(pauseMs);
  }
}

/** Undefined when it was refused or cut off: then nobody knows whether it counted. */
async function ask(
  { url }: ThrowawayCluster,
  key: string,
): Promise<{ readonly isNew: boolean } | undefined> {
  try {
    const headers = { "idempotency-key": key };
    const signal = AbortSignal.timeout(tryMsMax);
    const answer = await fetch(`${url}/increment`, { method: "POST", headers, signal });
    const body = (await answer.json()) as { readonly isNew: boolean };
    return answer.ok ? body : undefined;
  } catch {
    return undefined;
  }
}

/** In the order in which one client counted, terms never fall. */
function isSorted(increments: readonly { readonly key: string; readonly term: number }[]): boolean {
  const sorted = [...increments].sort((a, b) => (a.key < b.key ? -1 : 1));
  return sorted.every(({ key, term }, index) => {
    const before = sorted[index - 1];
    return (
      before === undefined || before.key.slice(0, 8) !== key.slice(0, 8) || before.term <= term
    );
  });
}
