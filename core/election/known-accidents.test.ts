/**
 * Accidents that happened to others, replayed here. C1 to C6 are counter-examples that were published
 * against term-extended Bully elections; the rest are defects of Lease clients (fabric8
 * kubernetes-client 7350; kubernetes 124588, 112023, 109554).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceName } from "../kernel/index.ts";
import type { Sender } from "./event.ts";
import type { Answer, Message } from "./message.ts";
import { SmallCluster } from "./testing/small-cluster.ts";
import { wakeAtMs } from "./timekeeping.ts";

function elected(count: number, settings = {}): SmallCluster {
  const cluster = new SmallCluster(count, settings);
  cluster.connect();
  cluster.run(5_000, () => cluster.leaders.length > 0);
  cluster.run(350);
  return cluster;
}

function senderOf(cluster: SmallCluster, id: string): Sender {
  return { member: instanceName(id), boot: cluster.node(id).boot, trust: "signed" };
}

test("C1: a candidate that is late finds a newer leader, and its old votes elect nobody", () => {
  const cluster = elected(3);
  cluster.kill("m3");
  cluster.prove("m3");
  cluster.isCut = (from, to) => to === "m2" && from === "m1"; // The grants to m2 are lost.
  cluster.run(300, () => cluster.node("m2").state.role.at === "candidate");
  const { attempt, role } = cluster.node("m2").state;
  const term = role.at === "candidate" ? role.term : 0;
  const grant: Answer = { kind: "grant", forBoot: cluster.node("m2").boot, attempt, term };
  cluster.isCut = (_, to) => to === "m2";
  cluster.run(70); // The candidacy is over.
  const from = senderOf(cluster, "m1");
  cluster.tell("m2", { type: "answered", from, answer: grant });
  assert.notEqual(cluster.node("m2").state.role.at, "leader");
});

test("C2: a joiner beside a cluster of candidates does not promote itself", () => {
  const cluster = elected(3);
  cluster.kill("m3");
  cluster.restart("m3", { forgets: true });
  cluster.isCut = (from, to) => from === "m3" || to === "m3";
  cluster.run(10_000);
  assert.equal(cluster.leader.id, "m2");
  assert.equal(cluster.node("m3").state.record.promised, 0);
});

test("C3: the word of another successor, or of another term, completes no handover", () => {
  const cluster = elected(3);
  cluster.isCut = (_, to) => to === "m1"; // m1 never hears that it should get ready.
  cluster.tell("m3", { type: "resign-asked", to: instanceName("m1"), drainMs: 1_000 });
  const { term } = cluster.leads[0] ?? { term: 0 };
  const forBoot = cluster.node("m3").boot;
  for (const [id, inTerm] of [
    ["m2", term],
    ["m1", term - 1],
  ] as const) {
    const answer: Answer = { kind: "ready", forBoot, term: inTerm };
    cluster.tell("m3", { type: "answered", from: senderOf(cluster, id), answer });
    const { role } = cluster.node("m3").state;
    assert.equal(role.at === "leader" ? role.handover?.stage : "", "preparing", id);
  }
});

test("C4: a leader that has announced itself serves nothing before its resources are fenced", () => {
  const cluster = elected(3);
  cluster.kill("m3");
  cluster.prove("m3");
  cluster.run(1_000, () => cluster.node("m2").state.role.at === "leader");
  const { state } = cluster.node("m2");
  assert.equal(state.role.at === "leader" ? state.role.phase : "", "fencing");
  assert.equal(cluster.leaders.length, 0, "it has announced itself, and serves nothing");
});

test("C5: of two announcements in one term the first stays, on every member alike", () => {
  const cluster = elected(3);
  const { term } = cluster.leads[0] ?? { term: 0 };
  const announce: Message = {
    kind: "announce",
    leader: { member: instanceName("m1"), boot: cluster.node("m1").boot },
    term,
    token: `${term}`,
    seq: 1,
    sentAtMs: 0,
    phase: "leading",
    successors: [],
    viewSize: 3,
    history: [],
    voters: cluster.node("m3").state.record.voters,
  };
  for (const id of ["m2", "m3"]) {
    const from = senderOf(cluster, "m1");
    const effects = cluster.tell(id, {
      type: "received",
      from,
      requestId: "[]",
      message: announce,
    });
    assert.ok(effects.some((one) => one.type === "alarm" && one.alarm === "second-leader"));
  }
  assert.equal(cluster.leader.id, "m3");
  assert.equal(cluster.node("m2").state.bond?.member, "m3");
});

test("C6: members that change during an election do not change who may vote in it", () => {
  const cluster = elected(3);
  cluster.kill("m3");
  cluster.prove("m3");
  const alone = [{ id: instanceName("m1"), number: 1, priority: 0 }];
  for (const id of ["m1", "m2"]) {
    cluster.tell(id, { type: "members-changed", voters: alone, observers: [] });
  }
  cluster.isCut = () => true;
  cluster.run(5_000);
  assert.equal(cluster.leaders.length, 0, "a wish for fewer voters makes no majority");
});

test("fabric8: reading its own name in the record makes nobody leader; only a write does", () => {
  const cluster = elected(2, { mode: "arbiter" });
  const { term } = cluster.leads[0] ?? { term: 0 };
  cluster.kill("m2");
  cluster.restart("m2");
  cluster.run(15_000);
  assert.equal(cluster.leads.filter((lead) => lead.term === term).length, 1);
  assert.equal(cluster.leaders.length, 1);
});

test("fabric8: nobody is told to lead before the write has succeeded", () => {
  const cluster = new SmallCluster(2, { mode: "arbiter" });
  cluster.connect();
  cluster.run(5_000, () => cluster.leads.length > 0);
  assert.equal(cluster.stored.record?.holder?.member, cluster.leads[0]?.id);
});

test("client-go: a renewal that hangs does not prolong a leadership", () => {
  const cluster = elected(2, { mode: "arbiter" });
  const node = cluster.node("m2");
  const { role } = node.state;
  const untilMs = role.at === "leader" ? role.leaseUntilMs : 0;
  cluster.nowMs = untilMs; // No event came, and no answer.
  assert.equal(cluster.leaders.length, 0);
  cluster.tell("m2", { type: "tick" });
  assert.equal(node.state.role.at, "follower");
});

test("client-go: whoever leaves releases the record, and nobody waits for it to end", () => {
  const cluster = elected(2, { mode: "arbiter" });
  cluster.tell("m2", { type: "resign-asked", to: undefined, drainMs: 200 });
  const atMs = cluster.nowMs;
  cluster.run(10_000, () => cluster.leads.length === 2);
  assert.equal(cluster.leader.id, "m1");
  assert.ok(cluster.nowMs - atMs < 500, `${cluster.nowMs - atMs} ms`);
});

test("client-go: two processes with one identity do not both lead", () => {
  const cluster = elected(3);
  const twin: Sender = { member: instanceName("m3"), boot: "twin", trust: "signed" };
  const message: Message = {
    kind: "inquire",
    attempt: 1,
    term: 0,
    reason: "cold-start",
    voters: { term: 0, version: 1 },
  };
  cluster.tell("m3", { type: "received", from: twin, requestId: "[]", message });
  assert.equal(cluster.node("m3").state.role.at, "follower");
  assert.ok(wakeAtMs(cluster.node("m3").state) > cluster.nowMs);
});
