/**
 * Fuzzes the gateway's byte machines.
 *
 *   node -C @prunella/source lab/fuzz/gateway.ts --count 1000000 --seed random
 *
 * Prints how often each outcome was reached, and for each failure its seed and a minimal input that
 * becomes a row of a table in `shell/gateway/parser/fixtures`. With `--node N` the first N inputs are
 * also read by Node's parser (about 10,000 a second), with `--sockets N` as many go through a real
 * gateway to a real server, and as many answers from a member to real clients (about 1,000 a second).
 * Exit code 1 when something failed.
 */
import { parseArgs } from "node:util";
import { latin1 } from "../../shell/gateway/parser/fixtures/request-reader.ts";
import { requestInput, runCampaign } from "./campaign.ts";
import { difference } from "./node-difference.ts";
import { NodeJudge } from "./node-judge.ts";
import { runResponseCampaign } from "./response-campaign.ts";
import { runSocketCampaign } from "./socket-campaign.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string" },
    seed: { type: "string" },
    node: { type: "string" },
    sockets: { type: "string" },
  },
});
const count = Number(values.count ?? "1000000");
const nodeCount = Number(values.node ?? "0");
const socketCount = Number(values.sockets ?? "0");
const seed =
  values.seed === "random" ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed ?? "1");
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed)) {
  console.error(
    "usage: lab/fuzz/gateway.ts [--count N] [--seed N|random] [--node N] [--sockets N], whole numbers",
  );
  process.exit(2);
}

let failed = false;
for (const side of ["request", "response"] as const) {
  const startedAt = process.hrtime.bigint();
  const memoryBefore = process.memoryUsage.rss();
  const tally = runCampaign(side, seed, count);
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
  const grownMiB = (process.memoryUsage.rss() - memoryBefore) / 2 ** 20;
  console.log(
    `${side}s: ${tally.inputs} inputs from seed ${seed} in ${seconds.toFixed(1)} s, ` +
      `${tally.complete} messages complete, memory +${grownMiB.toFixed(0)} MiB`,
  );
  for (const [end, times] of [...tally.ends].sort((a, b) => b[1] - a[1])) {
    console.log(`  ${String(times).padStart(9)}  ${end}`);
  }
  for (const failure of tally.failures) {
    failed = true;
    console.log(
      `FAILED seed ${failure.seed}: ${failure.problem}\n  input ${JSON.stringify(failure.input)}`,
    );
  }
}

const judge = new NodeJudge();
for (let index = 0; index < nodeCount; index++) {
  const input = requestInput(seed + index);
  const problem = await difference(input, judge);
  if (problem === undefined) continue;
  failed = true;
  console.log(`DIFFERS seed ${seed + index}: ${problem}\n  input ${JSON.stringify(latin1(input))}`);
}
if (nodeCount > 0) console.log(`node: ${nodeCount} inputs compared`);
if (socketCount > 0) {
  const tally = await runSocketCampaign(seed, socketCount);
  const { forwarded, serverCount, refused, leftOpen, failures } = tally;
  console.log(
    `sockets: ${tally.inputs} inputs, ${refused} refused, ${forwarded} requests forwarded, ` +
      `${serverCount} read by the server, ${leftOpen} connections left`,
  );
  for (const failure of [...failures, ...tally.refusedByServer]) console.log(`FAILED ${failure}`);
  failed ||= failures.length + tally.refusedByServer.length + leftOpen > 0;
  failed ||= forwarded !== serverCount;
  const answers = await runResponseCampaign(seed, socketCount);
  const { asked, repeated, read } = answers;
  console.log(
    `sockets: ${answers.inputs} answers, ${answers.whole} whole, ${asked} requests asked and ` +
      `${repeated} repeated, ${read} read by members, ${answers.leftOpen} connections left`,
  );
  for (const failure of answers.failures) console.log(`FAILED ${failure}`);
  failed ||= answers.failures.length + answers.leftOpen > 0 || read !== asked + repeated;
}
process.exitCode = failed ? 1 : 0;
