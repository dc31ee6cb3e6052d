/** Whole elections among a few members, on virtual time: the ordinary life, then named accidents. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceName } from "../kernel/index.ts";
import { explain } from "./explain.ts";
import { SmallCluster } from "./testing/small-cluster.ts";
import { timingProfiles } from "./timing-profiles.ts";

function elected(count: number, settings = {}, seed = 1): SmallCluster {
  const cluster = new SmallCluster(count, settings, seed);
  cluster.connect();
  cluster.run(5_000);
  return cluster;
}

test("a cold start ends with one leader, the best member, whom all follow (L1, L2, L8)", () => {
  const cluster = new SmallCluster(3);
  cluster.connect();
  cluster.run(1_000, () => cluster.leaders.length > 0);
  assert.equal(cluster.leader.id, "m3");
  assert.ok(cluster.nowMs < 700, `led after ${cluster.nowMs} ms`);
  cluster.run(200);
  for (const { state } of cluster.nodes.slice(0, 2)) assert.equal(state.bond?.member, "m3");
  assert.match(explain(cluster.leader.state), /^Leads term \d+ \(leading\)/);
});

test("an hour without faults changes nothing (L4)", () => {
  const cluster = elected(3);
  cluster.run(3_600_000);
  assert.equal(cluster.leads.length, 1);
});

test("a killed leader is replaced within milliseconds of the proof, in one term (L5)", () => {
  const cluster = elected(3);
  const before = cluster.leader;
  const { term } = cluster.leads[0] ?? { term: 0 };
  cluster.kill(before.id);
  cluster.prove(before.id);
  const atMs = cluster.nowMs;
  cluster.run(1_000, () => cluster.leaders.length > 0);
  assert.equal(cluster.leader.id, "m2");
  assert.ok(cluster.nowMs - atMs <= timingProfiles.lan.jitterMs + 10);
  assert.equal(cluster.leads.at(-1)?.term, term + 1);
  const row = cluster.leader.state.record.history.at(-2);
  assert.equal(row?.why, "crash");
  assert.equal(row?.proof, "exited");
});

test("a silent leader is replaced after stickiness, and steps down before by its own clock (S3)", () => {
  const cluster = elected(3);
  const old = cluster.leader;
  cluster.isCut = (from, to) => from === old.id || to === old.id;
  const atMs = cluster.nowMs;
  const both: number[] = [];
  cluster.run(2_000, () => {
    if (cluster.leaders.length > 1) both.push(cluster.nowMs);
    return cluster.leads.length > 1;
  });
  assert.deepEqual(both, []);
  assert.ok(cluster.nowMs - atMs < 800, `took ${cluster.nowMs - atMs} ms`);
  assert.equal(cluster.leader.id, "m2");
});

test("a follower that was cut off and comes back costs no term (L6), nor does a cut link (L7)", () => {
  const cluster = elected(3);
  const { term } = cluster.leads[0] ?? { term: 0 };
  cluster.isCut = (from, to) => from === "m1" || to === "m1";
  cluster.run(20_000);
  cluster.isCut = () => false;
  cluster.run(20_000);
  cluster.isCut = (from, to) => from === "m3" && to === "m1"; // One way, leader to follower.
  cluster.run(20_000);
  assert.equal(cluster.node("m1").state.bond?.member, "m3", "it follows by hearsay");
  cluster.isCut = (from, to) => `${[from, to].sort()}` === "m1,m3";
  cluster.run(20_000);
  cluster.isCut = () => false;
  cluster.run(2_000);
  assert.equal(cluster.leads.length, 1);
  assert.deepEqual(
    cluster.nodes.map(({ id }) => cluster.termOf(id)),
    [term, term, term],
  );
});

test("a restarted leader follows its successor and never resumes its term (S2)", () => {
  const cluster = elected(3);
  cluster.kill("m3");
  cluster.prove("m3");
  cluster.run(100);
  cluster.restart("m3");
  cluster.run(5_000);
  assert.equal(cluster.leader.id, "m2");
  assert.equal(cluster.node("m3").state.bond?.member, "m2");
  assert.equal(cluster.leads.length, 2);
});

test("a leader that restarts before anybody noticed takes a new term", () => {
  const cluster = elected(3);
  const { term } = cluster.leads[0] ?? { term: 0 };
  cluster.kill("m3");
  cluster.restart("m3");
  cluster.run(3_000);
  assert.ok((cluster.leads.at(-1)?.term ?? 0) > term);
  assert.equal(cluster.leads.filter((lead) => lead.term === term).length, 1);
});

test("a planned handover goes to the named member in a few round trips", () => {
  const cluster = elected(3);
  cluster.tell("m3", { type: "resign-asked", to: instanceName("m1"), drainMs: 1_000 });
  let gapSinceMs: number | undefined;
  const atMs = cluster.nowMs;
  cluster.run(1_000, () => {
    if (cluster.leaders.length === 0) gapSinceMs ??= cluster.nowMs;
    return cluster.leads.length === 2 && cluster.leaders.length === 1;
  });
  assert.equal(cluster.leader.id, "m1");
  assert.ok(gapSinceMs !== undefined && cluster.nowMs - gapSinceMs <= 6, "two round trips");
  assert.ok(cluster.nowMs - atMs < 50);
  assert.equal(cluster.leader.state.record.history.at(-2)?.why, "resign");
});

test("with after-stable the best member comes back by handover; with never it does not (L3)", () => {
  for (const preempt of ["never", "after-stable", "always"] as const) {
    const cluster = elected(3, { preempt });
    cluster.kill("m3");
    cluster.prove("m3");
    cluster.run(1_000);
    cluster.restart("m3");
    cluster.run(10_000);
    assert.equal(cluster.leader.id, preempt === "always" ? "m3" : "m2", preempt);
    cluster.run(60_000);
    assert.equal(cluster.leader.id, preempt === "never" ? "m2" : "m3", preempt);
    assert.equal(cluster.leads.length, preempt === "never" ? 2 : 3);
  }
});

test("a better member asks for the lead however long it was away or asleep before (L3)", () => {
  const cluster = elected(3, { preempt: "always" });
  cluster.kill("m3");
  cluster.prove("m3");
  cluster.run(1_000);
  cluster.isCut = (from, to) => from === "m3" || to === "m3";
  cluster.restart("m3");
  cluster.run(5_000);
  assert.equal(cluster.leader.id, "m2");
  cluster.isCut = () => false;
  cluster.run(5_000);
  assert.equal(cluster.leader.id, "m3");
});

test("available: a member alone does not lead below its smallest view, and a pair does (S5)", () => {
  const cluster = elected(3, { mode: "available" });
  assert.equal(cluster.leader.id, "m3");
  cluster.isCut = (from, to) => from === "m1" || to === "m1";
  cluster.run(10_000);
  assert.equal(cluster.leader.id, "m3");
  cluster.kill("m3");
  cluster.prove("m3");
  cluster.run(10_000);
  assert.equal(cluster.leaders.length, 0);
  cluster.isCut = () => false;
  cluster.run(5_000);
  assert.equal(cluster.leader.id, "m2");
});

test("available: after a partition the larger side keeps its leader, and tokens never fall", () => {
  const cluster = elected(5, { mode: "available", viewMin: 1 });
  assert.equal(cluster.leader.id, "m5");
  cluster.isCut = (from, to) => (from === "m1") !== (to === "m1");
  cluster.run(10_000);
  assert.deepEqual(cluster.leaders.map(({ id }) => `${id}`).sort(), ["m1", "m5"]);
  const highest = Math.max(...cluster.leads.map(({ term }) => term));
  cluster.isCut = () => false;
  cluster.run(2_000);
  assert.equal(cluster.leader.id, "m5");
  assert.ok((cluster.leads.at(-1)?.term ?? 0) > highest);
  for (const { state } of cluster.nodes.slice(0, 4)) assert.equal(state.bond?.member, "m5");
});

test("arbiter: two members and one record have one leader, and the next waits for its end or proof", () => {
  const cluster = elected(2, { mode: "arbiter" });
  assert.equal(cluster.leader.id, "m2");
  cluster.run(60_000);
  assert.equal(cluster.leads.length, 1);
  cluster.kill("m2");
  const atMs = cluster.nowMs;
  cluster.run(20_000, () => cluster.leaders.length > 0);
  assert.equal(cluster.leader.id, "m1");
  assert.ok(cluster.nowMs - atMs >= 3_500 && cluster.nowMs - atMs <= 6_500);
  cluster.restart("m2");
  cluster.run(5_000);
  cluster.kill("m1");
  cluster.prove("m1");
  const provenAtMs = cluster.nowMs;
  cluster.run(20_000, () => cluster.leaders.length > 0);
  assert.equal(cluster.leader.id, "m2");
  assert.ok(cluster.nowMs - provenAtMs < 100);
});

test("voters change one at a time, each step agreed on before the next", () => {
  const cluster = elected(4);
  const voter = (number: number) => ({
    id: instanceName(`m${number}`),
    number,
    priority: 0,
  });
  const stamps: string[] = [];
  const wanted = [voter(3), voter(4), voter(5)];
  cluster.tell("m4", { type: "members-changed", voters: wanted, observers: [] });
  cluster.run(3_000, () => {
    const { members } = cluster.node("m4").state.record.voters;
    const set = members.map(({ id }) => id).join(" ");
    if (stamps.at(-1) !== set) stamps.push(set);
    return false;
  });
  assert.deepEqual(stamps, ["m1 m2 m3 m4 m5", "m2 m3 m4 m5", "m3 m4 m5"]);
  assert.equal(cluster.leads.length, 1);
  assert.equal(cluster.node("m3").state.record.voters.version, 4);
});
