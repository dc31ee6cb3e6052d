/** Planned handovers among members whose messages are late, overtake each other, or find nobody fit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { draw, rngFrom } from "../kernel/index.ts";
import { SmallCluster } from "./testing/small-cluster.ts";

function elected(seed = 1): SmallCluster {
  const cluster = new SmallCluster(3, {}, seed);
  cluster.connect();
  cluster.run(5_000, () => cluster.leaders.length === 1);
  cluster.run(1_000);
  return cluster;
}

/** The member that leads after `before` has been asked to hand over, and how long that took. */
function handOver(cluster: SmallCluster, before: string, forMs = 3_000) {
  const count = cluster.leads.length;
  const sinceMs = cluster.nowMs;
  cluster.tell(before, { type: "resign-asked", to: undefined, drainMs: 500 });
  cluster.run(forMs, () => cluster.leads.length > count);
  return { next: cluster.leads[count]?.id, tookMs: cluster.nowMs - sinceMs };
}

// Goal: whoever named its successor does not run against it. Method: messages overtake each other, so
// the successor may hear of the end before it hears that it is meant, and inquire.
test("whoever resigned is never the next leader, in whatever order its words arrive", () => {
  let handovers = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const cluster = elected(seed);
    let rng = rngFrom(seed);
    cluster.delayMs = () => {
      const drawn = draw(rng);
      rng = drawn.rng;
      return 1 + 19 * drawn.value;
    };
    const { id } = cluster.leader;
    const { next } = handOver(cluster, id);
    assert.notEqual(next, id, `seed ${seed}`);
    if (next !== undefined) handovers += 1;
  }
  assert.equal(handovers, 200);
});

test("a successor that was just restarted has no vote yet: the next one is asked, at once", () => {
  const cluster = elected();
  cluster.kill("m3");
  cluster.prove("m3");
  cluster.run(1_000);
  assert.equal(cluster.leader.id, "m2");
  cluster.restart("m3");
  cluster.connect();
  cluster.run(250); // It acknowledges again, and ranks above m1.
  const { next, tookMs } = handOver(cluster, "m2");
  assert.equal(next, "m1");
  assert.ok(tookMs < 50, `${tookMs} ms`);
});

test("with nobody else who could lead, the one that resigned leads again", () => {
  const cluster = elected();
  const { id } = cluster.leader;
  for (const other of cluster.nodes) {
    if (other.id !== id) cluster.tell(other.id, { type: "app", says: { is: "unhealthy" } });
  }
  cluster.run(500);
  const { next } = handOver(cluster, id, 10_000);
  assert.equal(next, id);
});
