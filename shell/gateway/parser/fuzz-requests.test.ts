import assert from "node:assert/strict";
import { test } from "node:test";
import { runCampaign } from "../../../lab/fuzz/campaign.ts";
import { kept } from "../../../lab/peers/heap.ts";
import { refusals } from "../refusals.ts";

// Goal: G1, G2, G5 and G6 hold for inputs that nobody thought of. Method: generated messages with damaged
// bytes against the oracles of lab/fuzz. Together with `fuzz-responses.test.ts` these are a million fixed
// seeds; longer runs with other ones: lab/fuzz/gateway.ts.

/** Needs input of a size, or a listener, that the grammar does not make. */
const unreachable = new Set(
  "target-long head-large head-count loop chunk-tiny chunk-extension-large trailer-large trailer-count".split(
    " ",
  ),
);

test("500,000 requests, right and damaged, break no oracle and reach every refusal", () => {
  runCampaign("request", 0, 1_000); // So that what is made once is there.
  const before = kept();
  const tally = runCampaign("request", 1, 500_000);
  assert.deepEqual(tally.failures, []);
  const lastOfRequests = refusals.findIndex((row) => row.reason === "status-line");
  const missed = refusals
    .slice(0, lastOfRequests)
    .map((row) => row.reason)
    .filter((reason) => !tally.ends.has(reason) && !unreachable.has(reason));
  assert.deepEqual(missed, []);
  assert.ok(tally.complete > 125_000, `only ${tally.complete} requests were complete`);
  const grown = kept().heapMiB - before.heapMiB;
  assert.ok(grown < 8, `${grown} MiB stay behind`);
});
