import assert from "node:assert/strict";
import { test } from "node:test";
import { draw, rngFrom } from "../kernel/index.ts";
import type { Fact, FactType } from "./fact.ts";
import {
  foldFact,
  type Incidents,
  incidentsKeptMax,
  incidentsOf,
  noIncidents,
  recurrenceRate,
} from "./incident.ts";

function fact(
  type: FactType,
  atMs: number,
  instance: string | undefined = "hello-1",
  data: Fact["data"] = {},
): Fact {
  const service = instance?.split("-")[0];
  return { type, service, instance, incarnation: 1, atMs, message: `${type}.`, data };
}

function fold(...facts: readonly Fact[]): Incidents {
  return facts.reduce(foldFact, noIncidents);
}

test("I1 an incident opens at the first abnormal fact and closes when the instance serves again", () => {
  const { list } = fold(
    fact("ready", 0),
    fact("exited", 1_000),
    fact("restarting", 1_001),
    fact("launched", 1_005),
    fact("ready", 1_090),
    fact("log-rotated", 70_000),
  );
  assert.equal(list.length, 1);
  const [one] = list;
  assert.deepEqual([one?.openedAtMs, one?.closedAtMs, one?.healedMs], [1_000, 1_090, 90]);
  assert.deepEqual(
    one?.facts.map(({ type }) => type),
    ["exited", "restarting", "launched", "ready"],
  );
});

test("what a person asked for is no incident", () => {
  const asked = { asked: true };
  const { list } = fold(
    fact("restarting", 0, "hello-1", asked),
    fact("draining", 0),
    fact("terminating", 5),
    fact("exited", 9, "hello-1", { expected: true }),
    fact("launched", 12),
    fact("ready", 90),
  );
  assert.deepEqual(list, []);
});

test("I1 a copy that cannot be ended is an incident, also when its end was asked for", () => {
  const beginning = [
    fact("restarting", 0, "hello-1", { asked: true }),
    fact("terminating", 5),
    fact("killed", 5_000),
    fact("stuck", 7_000),
  ];
  const [open] = fold(...beginning).list;
  assert.deepEqual([open?.title, open?.closedAtMs], ["hello-1 stuck.", undefined]);
  const [closed] = fold(
    ...beginning,
    fact("exited", 9_000, "hello-1", { expected: true }),
    fact("ready", 9_100),
  ).list;
  assert.equal(closed?.healedMs, 2_100);
});

test("siblings that fail together are one incident, healed when the last one is back", () => {
  const { list } = fold(
    fact("exited", 0, "hello-1"),
    fact("exited", 20, "hello-2"),
    fact("exited", 30, "other-1"),
    fact("ready", 100, "hello-1"),
    fact("ready", 400, "hello-2"),
  );
  assert.equal(list.length, 2);
  assert.deepEqual(list[0]?.instances, ["hello-1", "hello-2"]);
  assert.equal(list[0]?.healedMs, 400);
  assert.equal(list[1]?.closedAtMs, undefined);
});

test("I2 an echo within a minute reopens the incident and its price is the sum of all outages", () => {
  const { list } = fold(
    fact("exited", 0),
    fact("ready", 100),
    fact("exited", 50_100),
    fact("ready", 50_300),
  );
  assert.equal(list.length, 1);
  assert.deepEqual([list[0]?.outageCount, list[0]?.healedMs], [2, 300]);
  assert.equal(recurrenceRate({ nextNumber: 2, list }), 1);
});

test("a fault within ten minutes is a new incident that names the old; later ones stand alone", () => {
  const { list } = fold(
    fact("exited", 0),
    fact("ready", 100),
    fact("exited", 300_000),
    fact("ready", 300_100),
    fact("exited", 2_000_000),
  );
  assert.deepEqual(
    list.map(({ id, recurrenceOf }) => [id, recurrenceOf]),
    [
      ["i-1", undefined],
      ["i-2", "i-1"],
      ["i-3", undefined],
    ],
  );
});

test("a full disk is an incident of the host", () => {
  const full = fold(fact("disk-full", 0, undefined));
  assert.equal(full.list[0]?.closedAtMs, undefined);
  assert.equal(foldFact(full, fact("disk-recovered", 5_000, undefined)).list[0]?.healedMs, 5_000);
});

test("I3 memory is bounded, whatever happens, and an open incident outlives closed ones", () => {
  let incidents = fold(fact("parked", 0, "stuck-1"));
  let rng = rngFrom(7);
  const types: readonly FactType[] = ["exited", "ready", "launched", "parked", "probe-failed"];
  for (let index = 0; index < 20_000; index++) {
    const drawn = draw(rng);
    rng = drawn.rng;
    const type = types[Math.floor(drawn.value * 5)] ?? "ready";
    const instance = `s${Math.floor(drawn.value * 9_973) % 40}-1`;
    incidents = foldFact(incidents, fact(type, index * 700, instance));
    assert.ok(incidents.list.length <= incidentsKeptMax);
  }
  assert.ok(incidents.nextNumber > 500, "too few incidents for this to mean anything");
  assert.ok(incidents.list.every(({ facts }) => facts.length <= 100));
  assert.deepEqual(JSON.parse(JSON.stringify(incidents)).list.length, incidents.list.length);
  const flood = Array.from({ length: 150 }, (_, index) => fact("probe-failed", index));
  const [one] = fold(...flood).list;
  assert.deepEqual([one?.facts.length, one?.factsLeftOut], [100, 50]);
  assert.equal(incidentsOf(fold(...flood), "hello-1").length, 1);
});
