/** A change of the lead that is asked for at a bad moment: it waits, asks again, and says why it gave up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ClusterError, instanceName } from "@prunella/core/kernel";
import type { LeaderView } from "@prunella/wire/view";
import { LeadChange } from "./lead-change.ts";

const led = (name: string, term: number): LeaderView => ({
  ...{ member: instanceName(name), incarnation: 1, term, state: "leading" },
});

/** An election whose words a test says. */
function electionOf(
  first: LeaderView | undefined,
  answer: (member: string) => void,
  waitMs = 20_000,
) {
  const asked: string[] = [];
  const election = { leader: first, asked };
  const change = new LeadChange({
    ...{ service: "fortune", to: undefined, bounds: { drainMs: 1_000, waitMs } },
    leader: () => election.leader,
    until: async (check, forMs) => {
      const endAtMs = performance.now() + forMs;
      while (!check() && performance.now() < endAtMs) await delay(1);
      return check();
    },
    order: async (member) => {
      asked.push(member);
      answer(member);
    },
  });
  return { election, change };
}

test("nobody leads yet: it waits for the leader, and then asks it", async () => {
  const { election, change } = electionOf(undefined, () => {
    election.leader = led("fortune-2", 8);
  });
  const done = change.run();
  await delay(5);
  assert.deepEqual(election.asked, []);
  election.leader = led("fortune-1", 7);
  await done;
  assert.deepEqual(election.asked, ["fortune-1"]);
});

test("the leader was elected once more: it is asked once more", async () => {
  const { election, change } = electionOf(led("fortune-1", 7), () => {
    election.leader = led(election.asked.length === 1 ? "fortune-1" : "fortune-3", 9);
    if (election.asked.length === 2) election.leader = led("fortune-3", 10);
  });
  await change.run();
  assert.deepEqual(election.asked, ["fortune-1", "fortune-1"]);
});

test("the one that is asked leads no more: the word of another leader is enough", async () => {
  const { election, change } = electionOf(led("fortune-1", 7), () => {
    setTimeout(() => {
      election.leader = led("fortune-2", 8);
    }, 5);
    throw new ClusterError("LEADER_MISSING", { message: "it answered 409." });
  });
  await change.run();
  assert.deepEqual(election.asked, ["fortune-1"]);
});

test("no other leader in time is LEADER_MISSING, and the message tells what stood in the way", async () => {
  const refuse = () => {
    throw new ClusterError("LEADER_MISSING", { message: "it cannot be reached." });
  };
  const { change } = electionOf(led("fortune-1", 7), refuse, 50);
  await assert.rejects(change.run(), (error: unknown) => {
    assert.ok(ClusterError.is(error, "LEADER_MISSING"));
    assert.match(error.message, /did not get another leader within 50 ms: it cannot be reached\.$/);
    return true;
  });
  const nobody = electionOf(undefined, () => undefined, 50);
  await assert.rejects(nobody.change.run(), /nobody leads it/);
});
