import assert from "node:assert/strict";
import { test } from "node:test";
import { runCampaign } from "../../../lab/fuzz/campaign.ts";
import { kept } from "../../../lab/peers/heap.ts";

// The other half of the million: see `fuzz-requests.test.ts`.
test("500,000 responses, right and damaged, break no oracle", () => {
  runCampaign("response", 0, 1_000);
  const before = kept();
  const tally = runCampaign("response", 1, 500_000);
  assert.deepEqual(tally.failures, []);
  for (const end of ["idle", "closes", "tunnel", "status-line", "status-framing"]) {
    assert.ok(tally.ends.has(end), `no input ended as ${end}`);
  }
  assert.ok(tally.complete > 125_000, `only ${tally.complete} responses were complete`);
  const grown = kept().heapMiB - before.heapMiB;
  assert.ok(grown < 8, `${grown} MiB stay behind`);
});
