/** `scale` up and down under load of GET and POST: nothing fails, and each POST is done once. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type LoadSeen, loadDuring } from "./load-during.ts";
import { claim, type Proof } from "./proof.ts";
import { ThrowawayCluster } from "./throwaway-cluster.ts";

const wholeMs = 30_000;
const few = 3;
const many = 6;
const ordersFile = "orders.log";

/**
 * Takes GET and POST, needs some milliseconds for each, and notes every POST that it does. It knows
 * nothing of draining: SIGTERM ends it at once, so a request that still came would be lost.
 */
const shop = `
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const orders = join(import.meta.dirname, "${ordersFile}");
let turn = 0;
createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  turn = (turn + 1) % 8;
  await new Promise((resolve) => setTimeout(resolve, turn * 5));
  if (request.method === "POST") appendFileSync(orders, request.url + " " + body.length + "\\n");
  response.end("done");
}).listen(Number(process.env.PORT), "127.0.0.1");
`;

const orderBody = JSON.stringify({ article: "prunella", count: 1, note: "x".repeat(200) });

export const scaleUnderLoad: Proof = {
  name: "scale-under-load",
  hypothesis: "Going from 3 to 6 replicas and back fails no request of any method.",
  defaults: { times: 10, rate: 500 },
  run: async ({ times, rate, say }) => {
    await using cluster = await ThrowawayCluster.create({ program: shop, service: "" });
    await cluster.up();
    const half = Math.max(1, Math.floor(rate / 2));
    let gets: LoadSeen | undefined;
    const posts = await loadDuring(
      cluster,
      half,
      async () => {
        gets = await loadDuring(cluster, half, () => scaleBackAndForth(cluster, times, say));
      },
      { path: "/orders/{n}", method: "POST", body: orderBody },
    );
    if (gets === undefined) throw new Error("the inner load did not run");
    const orders = readOrders(cluster);
    return {
      name: "scale-under-load",
      claims: [
        claim("failed GETs are 0", gets.failed === 0, failuresOf(gets)),
        claim("failed POSTs are 0", posts.failed === 0, failuresOf(posts)),
        claim(
          "each POST was done once, with its whole body",
          orders.whole === posts.sent && orders.distinct === posts.sent,
          `${orders.whole} done, ${orders.distinct} different, ${posts.sent} sent`,
        ),
      ],
      numbers: {
        rounds: times,
        gets: gets.sent,
        posts: posts.sent,
        getMsP50: gets.p50Ms,
        getMsP99: gets.p99Ms,
        getMsMax: gets.maxMs,
        postMsP50: posts.p50Ms,
        postMsP99: posts.p99Ms,
        postMsMax: posts.maxMs,
      },
    };
  },
};

async function scaleBackAndForth(
  cluster: ThrowawayCluster,
  times: number,
  say: (line: string) => void,
): Promise<void> {
  await delay(500);
  for (let round = 1; round <= times; round++) {
    for (const wish of [many, few]) {
      await cluster.must("scale", "hello", `${wish}`);
      await cluster.until(`${wish} replicas serve and no other runs`, wholeMs, async () => {
        const copies = cluster.census().filter(({ isGateway }) => !isGateway).length;
        return copies === wish && (await cluster.status()).converged;
      });
      await delay(200);
    }
    say(`${round} of ${times} rounds`);
  }
}

function failuresOf({ failed, sent, examples }: LoadSeen): string {
  return `${failed} of ${sent} ${examples.join("; ")}`;
}

function readOrders({ folder }: ThrowawayCluster): { whole: number; distinct: number } {
  const lines = readFileSync(join(folder, "app", ordersFile), "utf8")
    .trim()
    .split("\n");
  const whole = lines.filter((line) => line.endsWith(` ${orderBody.length}`));
  return { whole: whole.length, distinct: new Set(whole).size };
}
