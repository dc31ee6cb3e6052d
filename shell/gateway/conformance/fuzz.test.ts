/**
 * Goal: no desynchronisation, whatever comes: clients and server count the same requests, each answer is
 * that of the request in its place, nothing hangs, and what is left behind is nothing. And whatever a
 * member answers: what is refused never looks like a whole answer, and harms nobody else.
 * Method: generated messages with damaged bytes, cut at random, through real sockets to a real
 * `node:http` server, or from a scripted member to real clients. Longer, with other seeds: lab/fuzz/gateway.ts --sockets N.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runResponseCampaign } from "../../../lab/fuzz/response-campaign.ts";
import { runSocketCampaign } from "../../../lab/fuzz/socket-campaign.ts";

test("10,000 inputs through real sockets: client and server count the same", async () => {
  const tally = await runSocketCampaign(1, 10_000);
  assert.deepEqual(tally.failures, []);
  assert.equal(tally.serverCount, tally.forwarded);
  assert.deepEqual(tally.refusedByServer, []);
  assert.equal(tally.leftOpen, 0, "no connection is left");
  assert.ok(tally.forwarded > 2_000, `only ${tally.forwarded} requests reached the server`);
  assert.ok(tally.refused > 1_000, `only ${tally.refused} inputs were refused`);
});

test("10,000 answers through real sockets: no refused byte looks whole, both ends count the same", async () => {
  const tally = await runResponseCampaign(1, 10_000);
  assert.deepEqual(tally.failures, []);
  assert.equal(tally.read, tally.asked + tally.repeated);
  assert.equal(tally.leftOpen, 0, "no connection is left");
  assert.ok(tally.whole > 2_000, `only ${tally.whole} answers were whole`);
  assert.ok(tally.inputs - tally.whole > 2_000, `${tally.whole} of all answers were whole`);
});
