import assert from "node:assert/strict";
import { test } from "node:test";
import { runCampaign } from "../../../lab/fuzz/campaign.ts";
import { refusals } from "../refusals.ts";

// Goal: G1, G2 and G5 hold for inputs that nobody thought of. Method: generated messages with damaged
// bytes against the oracles of lab/fuzz; longer runs with other seeds: lab/fuzz/gateway.ts.

/** Needs input of a size, or a listener, that the grammar does not make. */
const unreachable = new Set(
  "target-long head-large head-count loop chunk-tiny chunk-extension-large trailer-large trailer-count".split(
    " ",
  ),
);

test("60,000 requests, right and damaged, break no oracle and reach every refusal", () => {
  const tally = runCampaign("request", 1, 60_000);
  assert.deepEqual(tally.failures, []);
  const lastOfRequests = refusals.findIndex((row) => row.reason === "status-line");
  const missed = refusals
    .slice(0, lastOfRequests)
    .map((row) => row.reason)
    .filter((reason) => !tally.ends.has(reason) && !unreachable.has(reason));
  assert.deepEqual(missed, []);
  assert.ok(tally.complete > 15_000, `only ${tally.complete} requests were complete`);
});

test("60,000 responses, right and damaged, break no oracle", () => {
  const tally = runCampaign("response", 1, 60_000);
  assert.deepEqual(tally.failures, []);
  for (const end of ["idle", "closes", "tunnel", "status-line", "status-framing"]) {
    assert.ok(tally.ends.has(end), `no input ended as ${end}`);
  }
  assert.ok(tally.complete > 15_000, `only ${tally.complete} responses were complete`);
});
