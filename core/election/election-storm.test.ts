/**
 * Members in bad weather: messages take from 0 to 400 ms, disks from 0 to 50 ms; members crash,
 * restart, are cut off alone or in groups; half of the crashes are proven. At every moment S1 and S3
 * must hold, and L1 and L2 when it is over. The lab's simulator does this with drifting clocks, lying
 * links and torn disks; here a small storm runs with every test of this package.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { draw, type Rng, rngFrom } from "../kernel/index.ts";
import { leadership } from "./election.ts";
import { allRules, type Rules } from "./rules.ts";
import { SmallCluster } from "./testing/small-cluster.ts";

const stormMs = 20_000;

type Weather = {
  readonly count: number;
  readonly mode: "quorum" | "available" | "arbiter";
  readonly rules?: Rules;
};

/** Returns what happened; throws at the first broken promise. */
function storm(seed: number, { count, mode, rules = allRules }: Weather): { leads: number } {
  let rng: Rng = rngFrom(seed * 7919 + count);
  const random = (): number => {
    const drawn = draw(rng);
    rng = drawn.rng;
    return drawn.value;
  };
  const cluster = new SmallCluster(count, { mode, rules }, seed);
  cluster.delayMs = () => (random() < 0.05 ? random() * 400 : random() * 5);
  cluster.diskMs = random() < 0.5 ? 0 : random() * 50;
  const ids = cluster.nodes.map(({ id }) => id);
  const pick = (): string => ids[Math.floor(random() * ids.length)] ?? "m1";
  const check = (): boolean => {
    if (mode !== "available") {
      const leaders = cluster.leaders.map(({ id, state }) => `${id} in ${state.record.promised}`);
      assert.ok(leaders.length <= 1, `S3, seed ${seed}, ${cluster.nowMs} ms: ${leaders}`);
    }
    return false;
  };
  cluster.connect();
  while (cluster.nowMs < stormMs) {
    cluster.run(random() * (random() < 0.3 ? 40 : 900), check);
    const id = pick();
    const dice = random();
    if (dice < 0.25 && cluster.node(id).isUp) {
      cluster.kill(id);
      if (random() < 0.5) cluster.prove(id);
    } else if (dice < 0.6) {
      const down = cluster.nodes.find(({ isUp }) => !isUp);
      if (down !== undefined) cluster.restart(down.id);
    } else if (dice < 0.75) cluster.isCut = () => false;
    else {
      const apart = new Set([id, random() < 0.5 ? pick() : id]);
      const isOneWay = random() < 0.3;
      cluster.isCut = (from, to) =>
        isOneWay ? apart.has(from) && !apart.has(to) : apart.has(from) !== apart.has(to);
    }
  }
  cluster.isCut = () => false;
  cluster.delayMs = () => random() * 3;
  for (const { id, isUp } of cluster.nodes) if (!isUp) cluster.restart(id);
  cluster.run(mode === "arbiter" ? 14_000 : 8_000, check);
  assert.equal(cluster.leaders.length, 1, `L1, seed ${seed}`);
  const leader = cluster.leader;
  for (const { state, id } of cluster.nodes) {
    const followed = id === leader.id ? leader.id : state.bond?.member;
    assert.equal(followed, leader.id, `L2, seed ${seed}: ${id}`);
  }
  const ledBefore = cluster.leads.length;
  cluster.run(5_000, check);
  assert.equal(cluster.leads.length, ledBefore, `L4, seed ${seed}: a change without a fault`);
  const led = new Map<number, string>();
  for (const { id, boot, term } of cluster.leads) {
    const known = led.get(term);
    if (mode !== "available") assert.ok(known === undefined, `S1, seed ${seed}: term ${term}`);
    led.set(term, `${id} ${boot}`);
  }
  for (const id of ids) {
    const terms = cluster.leads.filter((lead) => lead.id === id).map(({ term }) => term);
    assert.deepEqual(
      terms,
      [...new Set(terms)].sort((a, b) => a - b),
      `S2, seed ${seed}: ${id}`,
    );
  }
  assert.notEqual(leadership(leader.state, cluster.nowMs), undefined);
  return { leads: cluster.leads.length };
}

for (const mode of ["quorum", "available", "arbiter"] as const) {
  test(`${mode}: no storm breaks S1, S2 or S3, and all agree when it is over (L1, L2)`, () => {
    let leads = 0;
    for (let seed = 1; seed <= 60; seed++) {
      leads += storm(seed, { count: seed % 3 === 0 ? 5 : 3, mode }).leads;
    }
    assert.ok(leads > 200, `only ${leads} leaderships: the storm was calm`);
  });
}
