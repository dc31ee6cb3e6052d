/**
 * How many messages one failover takes when every survivor notices at the same moment, n members
 * counting the dead leader, and have proof of its exit: 3n - 5 with an inquiry and no votes, 3n - 5 with
 * votes of all and no inquiry, n + 9 with votes of seven, all before acknowledgements. What is announced to the dead leader's address is not counted.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceName } from "../kernel/index.ts";
import { SmallCluster } from "./testing/small-cluster.ts";

const counted = ["inquire", "ok", "vote", "grant"] as const;

function failover(count: number, mode: "available" | "quorum"): { sum: number; acks: number } {
  const everybody = Array.from({ length: count }, (_, index) => ({
    id: instanceName(`m${index + 1}`),
    number: index + 1,
    priority: 0,
  }));
  const votersCount = mode === "quorum" ? Math.min(count, 7) : count;
  const voters = everybody.slice(count - votersCount);
  const observers = everybody.slice(0, count - votersCount);
  const settings = { mode, voters, observers, expectedCount: 1 };
  const cluster = new SmallCluster(count, settings);
  cluster.run(1_500, () => cluster.leaders.length > 0);
  cluster.run(350); // Between two rounds, with every acknowledgement in.
  const leader = `m${count}`;
  assert.equal(cluster.leader.id, leader);
  cluster.kill(leader);
  for (const kind of Object.keys(cluster.counts)) cluster.counts[kind] = 0;
  const announced = (): number =>
    cluster.nodes.filter(({ isUp, state }) => isUp && state.bond?.isAnnounced === true).length;
  cluster.prove(leader);
  cluster.run(1_500, () => cluster.leaders.length > 0 && announced() === count - 2);
  cluster.run(3);
  assert.equal(cluster.leader.id, `m${count - 1}`);
  assert.equal(announced(), count - 2);
  const sum = counted.reduce((total, kind) => total + (cluster.counts[kind] ?? 0), count - 2);
  assert.ok((cluster.counts["announce"] ?? 0) <= count, "one round of announcements");
  return { sum, acks: cluster.counts["ack"] ?? 0 };
}

for (const count of [3, 5, 7, 10, 20, 50, 100, 500, 1_000]) {
  test(`a failover among ${count} takes as many messages as the formulas say`, () => {
    // A thousand members that all answer take this test half a minute, and say the same.
    if (count <= 500) {
      const available = failover(count, "available");
      assert.deepEqual(available, { sum: 3 * count - 5, acks: count - 2 });
    }
    const quorum = failover(count, "quorum");
    assert.equal(quorum.sum, count <= 7 ? 3 * count - 5 : count + 9);
    assert.equal(quorum.acks, Math.min(count, 7) - 2, "observers do not acknowledge");
  });
}
