/** Every proof in a short form, so that each change meets real kills. The full ones: `npm run proof`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { agentKill } from "./agent-kill.ts";
import { allKill } from "./all-kill.ts";
import { electedAllKill } from "./elected-all-kill.ts";
import { gatewayKill } from "./gateway-kill.ts";
import { leaderCounter } from "./leader-counter.ts";
import { leaderHandover } from "./leader-handover.ts";
import { leaderKill } from "./leader-kill.ts";
import { leaderStop } from "./leader-stop.ts";
import { leaderStrangers } from "./leader-strangers.ts";
import type { Proof, ProofResult } from "./proof.ts";
import { replicaKill } from "./replica-kill.ts";
import { scaleUnderLoad } from "./scale-under-load.ts";

const say = (): void => {};

/** Runs a proof and asserts its claims, but those about time: a busy machine proves nothing there. */
async function holds(proof: Proof, times: number, rate: number): Promise<ProofResult> {
  const result = await proof.run({ times, rate, say });
  for (const { text, holds: isTrue, measured } of result.claims) {
    if (!/ ms(, p95)?$/.test(text)) assert.ok(isTrue, `${proof.name}: ${text}: ${measured}`);
  }
  return result;
}

test("kill -9 of replicas under load fails no request and leaves three copies", async () => {
  const { numbers } = await holds(replicaKill, 10, 200);
  assert.ok((numbers["sent"] ?? 0) > 300, "the load was there");
});

test("kill -9 of the agent under load, also while scaling, restarts, doubles and orphans nothing", async () => {
  const { numbers } = await holds(agentKill, 4, 100);
  assert.ok((numbers["sent"] ?? 0) > 300, "the load was there");
});

test("kill -9 of the gateway: another one serves", async () => {
  await holds(gatewayKill, 3, 0);
});

test("kill -9 of everything at once: one up makes it whole", async () => {
  await holds(allKill, 2, 0);
});

test("scaling 3 -> 6 -> 3 under load fails no GET and no POST, and does each POST once", async () => {
  const { numbers } = await holds(scaleUnderLoad, 1, 200);
  assert.ok((numbers["posts"] ?? 0) > 100, "the load was there");
});

test("kill -9 of a leader under load: the next one answers, and no GET fails", async () => {
  const { numbers } = await holds(leaderKill, 3, 50);
  assert.ok((numbers["sent"] ?? 0) > 100, "the load was there");
});

test("a leader that was stopped and resumed has its write refused", async () => {
  await holds(leaderStop, 2, 50);
});

test("leaders are killed while clients count: nothing acknowledged is lost, nothing counts twice", async () => {
  const { numbers } = await holds(leaderCounter, 3, 100);
  assert.ok((numbers["increments"] ?? 0) > 50, "the load was there");
});

test("a planned handover under load fails no GET and no POST, and does each POST once", async () => {
  const { numbers } = await holds(leaderHandover, 3, 100);
  assert.ok((numbers["posts"] ?? 0) > 50, "the load was there");
});

test("strangers forge, replay and flood: nothing changes, and elections end", async () => {
  const { numbers } = await holds(leaderStrangers, 2, 0);
  assert.ok((numbers["unsigned"] ?? 0) >= 270, "every member was tried in every name");
});

test("kill -9 of a whole election: a higher term, and every count is there", async () => {
  await holds(electedAllKill, 1, 0);
});
