/** The history tells how each leadership truly ended, whoever wrote the row. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceName } from "../kernel/index.ts";
import { type HistoryRow, mergeHistory } from "./history.ts";
import { SmallCluster } from "./testing/small-cluster.ts";

function elected(count: number, settings = {}): SmallCluster {
  const cluster = new SmallCluster(count, settings);
  cluster.connect();
  cluster.run(5_000, () => cluster.leaders.length > 0);
  cluster.run(1_000);
  return cluster;
}

/** Waits for a leader above `term`, and returns how it says that term ended. */
function endOf(cluster: SmallCluster, term: number): HistoryRow {
  cluster.run(20_000, () => cluster.leaders.some(({ state }) => state.record.promised > term));
  const row = cluster.leader.state.record.history.find((one) => one.term === term);
  assert.ok(row !== undefined, "the term has a row");
  return row;
}

function termOf(cluster: SmallCluster): number {
  return cluster.leader.state.record.promised;
}

test("a proven exit is a crash, with its proof", () => {
  const cluster = elected(3);
  const term = termOf(cluster);
  cluster.kill("m3");
  cluster.prove("m3");
  const { why, proof } = endOf(cluster, term);
  assert.deepEqual([why, proof], ["crash", "exited"]);
});

test("silence stays silence when somebody else's candidacy ends in between", () => {
  const cluster = elected(5);
  const term = termOf(cluster);
  cluster.kill("m5");
  cluster.run(5_000, () => cluster.nodes.some(({ state }) => state.role.at === "candidate"));
  const candidate = cluster.nodes.find(({ state }) => state.role.at === "candidate");
  assert.ok(candidate !== undefined);
  cluster.isCut = (_, to) => to === candidate.id;
  cluster.run(5); // The others have given it their votes, and it never hears that.
  cluster.kill(candidate.id);
  cluster.prove(candidate.id);
  const { why, proof } = endOf(cluster, term);
  assert.deepEqual([why, proof], ["silence", undefined]);
});

test("a killed leader was not handed over because a candidate gave up afterwards", () => {
  const cluster = elected(5);
  const term = termOf(cluster);
  cluster.kill("m5");
  cluster.prove("m5");
  // The first candidate never hears that it was elected, and gives up; its voters are set free.
  cluster.run(1_000, () => cluster.nodes.some(({ state }) => state.role.at === "candidate"));
  const candidate = cluster.nodes.find(({ state }) => state.role.at === "candidate");
  cluster.isCut = (_, to) => to === candidate?.id;
  cluster.run(200);
  const { why, proof } = endOf(cluster, term);
  assert.deepEqual([why, proof], ["crash", "exited"]);
});

for (const [word, why] of [
  ["unhealthy", "unhealthy"],
  ["stuck", "stalled"],
] as const) {
  test(`a leader that is ${word} says so to its successor`, () => {
    const cluster = elected(3);
    const term = termOf(cluster);
    cluster.tell("m3", { type: "app", says: { is: word } });
    const row = endOf(cluster, term);
    assert.deepEqual([row.why, row.proof], [why, "resigned"]);
  });
}

test("a leader that was asked to leave for a better one was preempted; on its own it resigned", () => {
  const cluster = elected(3);
  const term = termOf(cluster);
  cluster.tell("m3", { type: "resign-asked", to: instanceName("m2"), drainMs: 100 });
  cluster.run(50, () => cluster.node("m3").effects.some(({ type }) => type === "drain"));
  cluster.tell("m3", { type: "app", says: { is: "drained", term } });
  assert.equal(endOf(cluster, term).why, "resign");

  const better = elected(3, { preempt: "always" });
  const first = termOf(better);
  better.kill("m3");
  better.prove("m3");
  endOf(better, first);
  better.run(1_000);
  const lent = termOf(better);
  better.restart("m3");
  better.connect();
  better.run(20_000, () => better.leads.at(-1)?.id === "m3" && better.leaders.length > 0);
  assert.equal(endOf(better, lent).why, "preempted");
});

test("a leader that leaves while all others leave too has resigned, and did not lose its lease", () => {
  const cluster = elected(3);
  const term = termOf(cluster);
  cluster.kill("m1");
  cluster.kill("m2");
  cluster.tell("m3", { type: "resign-asked", to: undefined, drainMs: 10_000 });
  cluster.run(2_000);
  const row = cluster.node("m3").state.record.history.find((one) => one.term === term);
  assert.equal(row?.why, "resign");
});

test("whoever starts again after everybody was gone closes what its last life left open", () => {
  const cluster = elected(3);
  const term = termOf(cluster);
  cluster.run(1_000);
  for (const { id } of cluster.nodes) cluster.kill(id);
  cluster.run(60_000);
  for (const { id } of cluster.nodes) cluster.restart(id);
  cluster.connect();
  const row = endOf(cluster, term);
  assert.equal(row.why, cluster.leader.id === "m3" ? "crash" : "silence");
  assert.ok(row.toMs !== undefined && row.toMs >= row.fromMs);
});

test("a row that tells more replaces one of the same end that tells less", () => {
  const leader = { member: instanceName("m1"), boot: "b1" };
  const short: HistoryRow = { term: 1, leader, fromMs: 0, toMs: 1, why: "crash" };
  const long = { ...short, detectMs: 3, electMs: 4 };
  assert.deepEqual(mergeHistory([short], [long]), [long]);
});
